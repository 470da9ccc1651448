/** The record of benchmark runs: one JSON line a run, with the machine and the commit that it was taken on. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { usageError } from '../../base/errors.ts'
import { packageVersion } from '../package-version.ts'

/** The commit of the clone that this file lies in, marked when files were changed since; null outside a clone. */
function commitHash(): string | null {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=12'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    // No git, or an installed package: its version says as much.
    return null
  }
}

/**
 * Appends a run to `runs/bench.jsonl` below the current folder.
 *
 * @returns the file
 * @throws UsageError when it cannot be written
 */
export function recordRun(run: object): string {
  const file = path.join('runs', 'bench.jsonl')
  const machine = {
    processor: os.cpus()[0]?.model.trim() ?? process.arch,
    threads: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
  }
  const line = { time: new Date().toISOString(), version: packageVersion(), commit: commitHash(), machine, ...run }
  try {
    mkdirSync(path.dirname(file), { recursive: true })
    appendFileSync(file, `${JSON.stringify(line)}\n`)
  } catch (cause) {
    throw usageError(
      file,
      'a file that can be appended to',
      (cause as Error).message,
      'Run it in another folder, or without --record.',
      cause,
    )
  }
  return file
}
