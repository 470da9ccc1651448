/** `strata doctor`: whether this machine has what Strata needs, one line a check, and what to do about what it has not. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import { formatBytes } from '../../base/format.ts'
import { availableThreads, cacheFolder } from '../../base/platform.ts'
import { settleVectorBits } from '../../compute/wide-vectors.ts'
import { commonFlags, type CommonFlags } from '../flags.ts'
import { createOutput, type Output } from '../output.ts'
import { packageVersion } from '../package-version.ts'
import { formatTable } from '../table.ts'
import { detectWasmFeatures } from '../wasm-features.ts'

/** One thing that was looked at. */
export interface Check {
  readonly name: string
  /** `warning` works, but slower or with less; `missing` does not work. */
  readonly status: 'ok' | 'warning' | 'missing'
  readonly found: string
  /** What to do about it; empty when there is nothing to do. */
  readonly advice: string
}

const oldestNode = [20, 19] as const
/** Enough for the `nano` recipe: the heap, Node itself, and the text. */
const leastMemoryBytes = 2 * 2 ** 30
const networkTimeoutMilliseconds = 20_000

const check = (name: string, isGood: boolean, found: string, otherwise: 'warning' | 'missing', advice: string): Check => ({
  name,
  status: isGood ? 'ok' : otherwise,
  found,
  advice: isGood ? '' : advice,
})

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isNewEnough = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  return check('Node', isNewEnough, process.versions.node, 'missing', `Install Node ${oldestNode.join('.')} or newer.`)
}

function checkWebAssembly(): Check[] {
  const { hasSimd, hasRelaxedSimd, hasThreads } = detectWasmFeatures()
  const said = (has: boolean) => (has ? 'yes' : 'no')
  return [
    check(
      'WebAssembly SIMD',
      hasSimd,
      said(hasSimd),
      'missing',
      'Use an engine with 128-bit vectors: any Node since 16.4 on x86-64 or ARM64.',
    ),
    check(
      'relaxed SIMD',
      hasRelaxedSimd,
      said(hasRelaxedSimd),
      'warning',
      'The plain kernels are used, which are slower. Node 22 or newer has it.',
    ),
    check('vectors', true, `${settleVectorBits()} bits`, 'warning', ''),
    check('WebAssembly threads', hasThreads, said(hasThreads), 'warning', 'One thread is used.'),
  ]
}

function checkMachine(): Check[] {
  const threads = availableThreads()
  // A container may have less than the machine under it.
  const limitBytes = process.constrainedMemory()
  const totalBytes = limitBytes > 0 && limitBytes < os.totalmem() ? limitBytes : os.totalmem()
  const memory = `${formatBytes(totalBytes)}, ${formatBytes(Math.min(os.freemem(), totalBytes))} free`
  return [
    check(
      'processor',
      true,
      `${threads} ${threads === 1 ? 'thread' : 'threads'}, ${os.cpus()[0]?.model.trim() ?? process.arch}`,
      'warning',
      '',
    ),
    check(
      'memory',
      totalBytes >= leastMemoryBytes,
      memory,
      'warning',
      `Small recipes only: ${formatBytes(leastMemoryBytes)} is what the smallest one needs.`,
    ),
  ]
}

function checkCache(folder: string): Check {
  try {
    mkdirSync(folder, { recursive: true })
    const probe = mkdtempSync(path.join(folder, 'doctor-'))
    writeFileSync(path.join(probe, 'file'), 'written by strata doctor')
    rmSync(probe, { recursive: true })
    return check('cache folder', true, folder, 'missing', '')
  } catch (error) {
    const found = `${folder} (${(error as NodeJS.ErrnoException).code ?? String(error)})`
    return check('cache folder', false, found, 'missing', 'Make it writable, or set STRATA_CACHE to a folder that is.')
  }
}

function dependencies(): Record<string, string> {
  const file = new URL('../../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { dependencies: Record<string, string> }).dependencies
}

function checkDependencies(): Check {
  // Declarations alone are no module.
  const names = Object.keys(dependencies()).filter((name) => !name.startsWith('@types/'))
  const absent = names.filter((name) => !isInstalled(name))
  const found = absent.length === 0 ? `${names.length} of ${names.length}` : `without ${absent.join(', ')}`
  return check('dependencies', absent.length === 0, found, 'missing', 'Run npm ci in the folder of the package.')
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}

async function checkRegistry(): Promise<Check> {
  const advice = 'Text cannot be fetched; what is in the cache and the corpus in the package still work.'
  const isWindows = process.platform === 'win32'
  const ask = ['view', Object.keys(dependencies())[0], 'version']
  try {
    await promisify(execFile)(isWindows ? 'npm.cmd' : 'npm', ask, { timeout: networkTimeoutMilliseconds, shell: isWindows })
    return check('package registry', true, 'reached', 'warning', '')
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string }
    const code = /\bE[A-Z]{3,}\w*/.exec(stderr + message)?.[0]
    return check('package registry', false, code ? `not reached (${code})` : 'not reached', 'warning', advice)
  }
}

/**
 * Looks at everything.
 *
 * @param hasNetwork also asks the package registry, through the npm client and its settings
 */
export async function examine(hasNetwork: boolean): Promise<Check[]> {
  const checks = [checkNode(), ...checkWebAssembly(), ...checkMachine(), checkCache(cacheFolder()), checkDependencies()]
  return hasNetwork ? [...checks, await checkRegistry()] : checks
}

function render(checks: readonly Check[], { paint }: Output): string {
  const words = { ok: paint.good('ok'), warning: paint.warning('warning'), missing: paint.bad('missing') }
  const rows = checks.map(({ name, status, found, advice }) => [words[status], name, advice ? `${found}. ${advice}` : found])
  const table = formatTable([{ title: '' }, { title: '' }, { title: '' }], rows)
  const missing = checks.filter(({ status }) => status === 'missing').length
  return `${table}\n${missing === 0 ? 'Strata runs here.' : `Strata does not run here: ${missing === 1 ? 'one thing is' : `${missing} things are`} missing.`}`
}

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program.command('doctor').description('check that this machine has what Strata needs')
  commonFlags(command, 'json')
    .option('--network', 'also ask whether the package registry is within reach', false)
    .action(async (flags: Pick<CommonFlags, 'json'> & { readonly network: boolean }) => {
      const output = createOutput(flags)
      const checks = await examine(flags.network)
      const isHealthy = checks.every(({ status }) => status !== 'missing')
      output.result({ version: packageVersion(), platform: `${process.platform}-${process.arch}`, isHealthy, checks }, () =>
        render(checks, output),
      )
      if (!isHealthy) process.exitCode = 2
    })
}
