/**
 * `npm run bench:peers`: the training step of the `bench` config beside PyTorch eager, and f32 matrix multiplication beside
 * jax-js, in turn, round after round, so that a machine that slows down slows both. Prints ratios of medians.
 *
 *     node bench/peers/run.mjs [--rounds 3] [--threads all] [--only step|gemm] [--steps 5] [--seconds 0.3] [--json]
 *
 * Each peer is set up in a folder of its own the first time (`.cache/conformance`, `bench/peers/jax-js/node_modules`).
 * What cannot be had or run is said in one line and skipped. Exit status 1 when nothing at all could be compared.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ensurePython } from '../../scripts/conformance/setup.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.resolve(here, '..', '..')
const jaxFolder = path.join(here, 'jax-js')
const say = (line) => process.stderr.write(`${line}\n`)

function fail(line) {
  say(`bench:peers: ${line}`)
  process.exit(2)
}

if (Number(process.versions.node.split('.')[0]) < 24)
  fail(`expected Node 24 or newer, got ${process.versions.node}. Use npm run bench:peers.`)

function readOptions() {
  const options = { rounds: '3', threads: 'all', only: '', steps: '5', seconds: '0.3', shapes: '' }
  const asked = Object.fromEntries(Object.entries(options).map(([name, value]) => [name, { type: 'string', default: value }]))
  try {
    return parseArgs({ options: { ...asked, json: { type: 'boolean', default: false } } }).values
  } catch (error) {
    return fail(error.message)
  }
}
const given = readOptions()
const threads = given.threads === 'all' ? availableParallelism() : Number(given.threads)
const rounds = Number(given.rounds)
const isCount = (value) => Number.isInteger(value) && value > 0
if (![threads, rounds, Number(given.steps)].every(isCount) || !(Number(given.seconds) > 0) || !['', 'step', 'gemm'].includes(given.only)) {
  fail('expected --rounds, --threads and --steps of at least 1, --seconds above 0, and --only step or gemm.')
}

const skipped = []
function skip(line) {
  if (skipped.includes(line)) return
  skipped.push(line)
  say(`skipped: ${line}`)
}

/** → standard output, or null with a line that says why there is none */
function output(what, command, args, options = {}) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
  })
  if (status === 0) return stdout
  if (signal === 'SIGINT') process.exit(130)
  skip(`${what}: ${error?.message ?? (stderr.trim().split('\n').at(-1) || `exit status ${status ?? signal}`)}`)
  return null
}

const { compareGemm, compareStep, formatTable, geometricMean, parseBench, parseTorch } = await import('./compare.ts')

/** → the document that the command printed, or null with a line that says why there is none */
function measured(parse, what, command, args) {
  const text = output(what, command, args)
  if (text === null) return null
  try {
    return parse(text, what)
  } catch (problem) {
    skip(problem.message)
    return null
  }
}

/** Ours, measured. Products are many and alternate in rounds, so each round takes few samples of each. */
const strata = (verb, count) => {
  const args = [path.join(root, 'src', 'apps', 'cli.ts'), 'bench', verb, '--json', '--threads', String(count)]
  if (verb === 'gemm') args.push('--quick')
  return measured(parseBench, `strata bench ${verb} on ${count}`, process.execPath, args)
}

function preparePyTorch() {
  if (given.only === 'gemm') return null
  const result = ensurePython(say)
  if (result.python) return result.python
  skip(`PyTorch: ${result.skipped}`)
  return null
}

function prepareJaxJs() {
  if (given.only === 'step') return false
  const stored = path.join(jaxFolder, 'node_modules', '@jax-js', 'jax', 'package.json')
  const wanted = JSON.parse(readFileSync(path.join(jaxFolder, 'package.json'), 'utf8')).dependencies['@jax-js/jax']
  if (existsSync(stored) && JSON.parse(readFileSync(stored, 'utf8')).version === wanted) return true
  say('bench:peers: installing jax-js into bench/peers/jax-js (once)')
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const options = { cwd: jaxFolder, shell: process.platform === 'win32' }
  return output('jax-js: npm ci', npm, ['ci', '--no-audit', '--no-fund'], options) !== null
}

const python = preparePyTorch()
const hasJaxJs = prepareJaxJs()
const torch = () =>
  measured(parseTorch, 'PyTorch step', python, [path.join(here, 'torch_step.py'), '--threads', String(threads), '--steps', given.steps])
const jaxJs = (count) => {
  const shapes = given.shapes ? ['--shapes', given.shapes] : []
  const args = [path.join(jaxFolder, 'gemm.mjs'), '--threads', String(count), '--seconds', given.seconds, ...shapes]
  return measured(parseBench, `jax-js on ${count}`, process.execPath, args)
}

const steps = { ours: [], theirs: [] }
const gemms = { ours: [], theirs: [] }
/** Keeps what was measured; a side that failed once is not tried again. */
const failedSides = new Set()
function take(list, side, measure) {
  if (failedSides.has(side)) return
  const document = measure()
  if (document === null) failedSides.add(side)
  else list.push(document)
}

for (let round = 1; round <= rounds; round++) {
  say(`round ${round} of ${rounds}`)
  if (python) {
    take(steps.ours, 'our step', () => strata('step', threads))
    take(steps.theirs, 'their step', torch)
  }
  if (!hasJaxJs) continue
  for (const count of new Set([1, threads])) {
    take(gemms.ours, `our gemm on ${count}`, () => strata('gemm', count))
    take(gemms.theirs, `their gemm on ${count}`, () => jaxJs(count))
  }
}

const report = { rounds, threads, step: null, gemm: null, skipped }
const lines = []
if (steps.theirs.length > 0) {
  const { parameters } = steps.theirs[0]
  const torchVersion = steps.theirs[0].torchVersion.split('+')[0]
  report.peers = { torch: torchVersion, parameters }
  try {
    if (steps.ours.length > 0) report.step = compareStep(steps.ours, steps.theirs)
  } catch (problem) {
    skip(problem.message)
  }
  if (report.step) lines.push(formatTable('8 rows of 512 tokens', 'tokens/s', [report.step], ['Strata', `PyTorch ${torchVersion}`]))
  else
    lines.push(
      `PyTorch ${torchVersion} alone: ${steps.theirs.map((step) => step.tokensPerSecond.toFixed(0)).join(', ')} tokens/s on ${threads}`,
    )
}
if (gemms.theirs.length > 0) {
  report.gemm = compareGemm(gemms.ours, gemms.theirs)
  const { pairs, unpaired } = report.gemm
  for (const count of new Set([1, threads])) {
    const rows = pairs.filter(({ work }) => work.endsWith(` on ${count}`))
    if (rows.length === 0) continue
    lines.push(formatTable('f32 multiplication, MxNxK', 'GFLOP/s', rows, ['Strata', 'jax-js']))
    const ratios = rows.map(({ ratio }) => ratio)
    lines.push(`on ${count}: ${geometricMean(ratios).toFixed(2)}x in the geometric mean, ${Math.min(...ratios).toFixed(2)}x at least`)
  }
  if (unpaired.length > 0) lines.push(`measured on one side only: ${unpaired.join(', ')}`)
}
process.stdout.write(`${given.json ? JSON.stringify(report) : lines.join('\n\n')}\n`)
process.exitCode = report.step || report.gemm?.pairs.length > 0 ? 0 : 1
