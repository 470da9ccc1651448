/** The command line as a process of its own, in a folder of its own, without a network and without anybody's cache. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const cli = path.resolve(import.meta.dirname, '..', 'src', 'apps', 'cli.ts')

export interface Finished {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process that runs, and what it says so far. */
export interface Running {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  /** Waits until standard error holds this. */
  readonly says: (pattern: RegExp) => Promise<void>
}

/** A temporary folder to work in. */
export class Workplace implements Disposable {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'strata-end-to-end-'))

  /** Starts `strata …`. Nothing listens on the discard port, so every fetch fails at once. */
  start(...args: readonly string[]): Running {
    return this.#spawn(process.execPath, [cli, ...args])
  }

  /** The same from a shell's script, in which "$@" is the command. */
  startIn(script: string, ...args: readonly string[]): Running {
    return this.#spawn('/bin/sh', ['-c', script, 'sh', process.execPath, cli, ...args])
  }

  #spawn(file: string, args: readonly string[]): Running {
    const env = { ...process.env, STRATA_CACHE: path.join(this.folder, 'cache'), npm_config_registry: 'http://127.0.0.1:9/', NO_COLOR: '1' }
    const child = spawn(file, args, { cwd: this.folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const said = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
    const finished = new Promise<Finished>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (status, signal) => resolve({ status, signal, ...said }))
    })
    const says = (pattern: RegExp) =>
      new Promise<void>((resolve, reject) => {
        const look = () => {
          if (pattern.test(said.stderr)) resolve()
        }
        child.stderr.on('data', look)
        child.on('close', () => reject(new Error(`ended without saying ${pattern}:\n${said.stderr}`)))
        look()
      })
    return { child, finished, says }
  }

  /** Runs `strata …` to its end. */
  run(...args: readonly string[]): Promise<Finished> {
    return this.start(...args).finished
  }

  /** A path in the folder. */
  at(...names: readonly string[]): string {
    return path.join(this.folder, ...names)
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
