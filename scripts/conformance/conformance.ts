/**
 * `npm run conformance`: writes random checkpoints of several shapes with our code, has `transformers` answer them, and
 * compares logits, losses, chosen experts and every parameter's gradient, with both builds of the kernels.
 *
 *     node scripts/conformance/conformance.ts [--seed 0] [--keep FOLDER]
 *
 * Exit status 0 when all agree, and when there is no Python to ask (the last line then says "skipped"); 1 when something
 * differs or the reference fails; 2 for a wrong flag.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { formatTable } from '../../src/apps/table.ts'
import { type ModelConfig, presets } from '../../src/architecture/index.ts'
import { type Dialect, Machine } from '../../src/compute/index.ts'
import { compareCase, type Comparison } from './compare.ts'
import { type RandomCase, writeRandomCase } from './random-checkpoint.ts'

const say = (line: string) => process.stderr.write(`conformance: ${line}\n`)

/** Largest difference that counts as agreement, as a share of the largest value. */
const bound = 1e-4

const { tiny, nano } = presets

/** Width 128, four layers, 16 experts: what most cases start from. The std is large enough for attention to prefer something. */
const medium: ModelConfig = {
  ...tiny,
  vocabSize: 512,
  width: 128,
  layerCount: 4,
  headCount: 4,
  queryRank: 48,
  keyValueRank: 32,
  nopeWidth: 24,
  ropeWidth: 12,
  valueWidth: 20,
  denseFfnWidth: 200,
  expertFfnWidth: 36,
  mtpDepth: 0,
  yarn: null,
  initStd: 0.08,
}

const softmaxGate = { gate: 'softmax', isGateNormalized: false } as const

const cases: readonly RandomCase[] = [
  { name: 'tiny', config: tiny, rows: 2, length: 96, mtpWeight: 0.3 },
  { name: 'nano', config: nano, rows: 2, length: 64, mtpWeight: 0.1 },
  { name: 'medium', config: medium, rows: 2, length: 64 },
  { name: 'medium-balance', config: medium, rows: 3, length: 64, balanceWeight: 0.05 },
  { name: 'medium-mtp-chain', config: { ...medium, layerCount: 2, mtpDepth: 3 }, rows: 2, length: 64, mtpWeight: 0.3 },
  {
    name: 'odd-sizes',
    config: {
      ...medium,
      vocabSize: 131,
      width: 77,
      headCount: 3,
      queryRank: 29,
      keyValueRank: 19,
      nopeWidth: 11,
      ropeWidth: 6,
      valueWidth: 13,
      denseFfnWidth: 101,
      expertFfnWidth: 17,
      expertCount: 15,
      groupCount: 5,
      activeExpertCount: 3,
      activeGroupCount: 2,
      sharedExpertCount: 2,
    },
    rows: 3,
    length: 37,
  },
  {
    name: 'many-experts',
    config: {
      ...medium,
      layerCount: 3,
      width: 64,
      expertCount: 64,
      expertFfnWidth: 16,
      activeExpertCount: 8,
      groupCount: 8,
      activeGroupCount: 4,
    },
    rows: 2,
    length: 64,
    biasRange: [-1, -0.5],
  },
  {
    name: 'yarn-long',
    config: {
      ...medium,
      layerCount: 2,
      yarn: { factor: 10, betaFast: 32, betaSlow: 1, mscale: 1, mscaleAllDim: 0.8, originalLength: 64 },
      maxLength: 640,
    },
    rows: 1,
    length: 600,
  },
  { name: 'v2-groups', config: { ...medium, ...softmaxGate, layerCount: 3, routedScale: 16 }, rows: 2, length: 64, balanceWeight: 0.02 },
  {
    name: 'v2-lite',
    config: { ...medium, ...softmaxGate, layerCount: 3, queryRank: null, groupCount: 1, activeGroupCount: 1, routedScale: 1 },
    rows: 2,
    length: 64,
  },
]

function options() {
  try {
    const { values } = parseArgs({ options: { seed: { type: 'string', default: '0' }, keep: { type: 'string' } } })
    const seed = Number(values.seed)
    if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`--seed: expected a whole number from 0, got ${values.seed}.`)
    return { seed, keep: values.keep }
  } catch (error) {
    say((error as Error).message)
    process.exit(2)
  }
}

/** The Python of the environment; undefined when it is not to be had, which `setup.mjs` has said by then. */
function python(): string | undefined {
  const setup = spawnSync(process.execPath, [path.join(import.meta.dirname, 'setup.mjs')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (setup.status === 3) return undefined
  if (setup.status !== 0) process.exit(1)
  return setup.stdout.trim()
}

/** Whether the two sides agree on a case. */
const agrees = ({ logitsError, lossError, gradientError, choicesElsewhere, oneSided }: Comparison) =>
  logitsError <= bound && lossError <= bound && gradientError <= bound && choicesElsewhere === 0 && oneSided.length === 0

const shown = (error: number) => error.toExponential(1)

/** A case's line of the table. */
function tableRow(name: string, dialect: Dialect, found: Comparison): string[] {
  const { parameterCount, tokenCount, choicesElsewhere, choiceCount, gradientCount, oneSided } = found
  return [
    name,
    dialect,
    parameterCount.toLocaleString('en'),
    String(tokenCount),
    shown(found.logitsError),
    shown(found.lossError),
    `${choicesElsewhere} of ${choiceCount}`,
    String(gradientCount),
    shown(found.gradientError),
    agrees(found) ? 'agrees' : 'DIFFERS',
    oneSided.length > 0 ? `only on one side: ${oneSided.slice(0, 3).join(', ')}` : found.gradientName,
  ]
}

const columns = [
  { title: 'case' },
  { title: 'kernels' },
  { title: 'parameters', align: 'right' },
  { title: 'tokens', align: 'right' },
  { title: 'logits', align: 'right' },
  { title: 'loss', align: 'right' },
  { title: 'choices elsewhere', align: 'right' },
  { title: 'gradients', align: 'right' },
  { title: 'worst', align: 'right' },
  { title: '' },
  { title: 'worst gradient' },
] as const

const { seed, keep } = options()
const interpreter = python()
if (interpreter === undefined) {
  process.stdout.write('conformance: skipped, there is no Python with PyTorch to compare with.\n')
  process.exit(0)
}
const home = keep === undefined ? mkdtempSync(path.join(tmpdir(), 'strata-conformance-')) : path.resolve(keep)
let machine = await Machine.start()
try {
  const folderOf = ({ name }: RandomCase) => path.join(home, name)
  for (const randomCase of cases) writeRandomCase(machine, folderOf(randomCase), randomCase, seed)
  say(`asking transformers about ${cases.length} checkpoints`)
  const asked = spawnSync(interpreter, [path.join(import.meta.dirname, 'reference.py'), ...cases.map(folderOf)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (asked.status !== 0) throw new Error(`reference.py ended with ${asked.signal ?? `status ${asked.status}`}`)

  const fastest = machine.kernels.dialect
  const rows: string[][] = []
  let disagreements = 0
  for (const dialect of new Set<Dialect>([fastest, 'plain'])) {
    if (dialect !== fastest) {
      machine.close()
      machine = await Machine.start({ dialect })
    }
    for (const randomCase of cases) {
      const found = compareCase(machine, folderOf(randomCase))
      rows.push(tableRow(randomCase.name, dialect, found))
      if (!agrees(found)) disagreements++
    }
  }
  process.stdout.write(`${formatTable(columns, rows)}\n\n`)
  process.stdout.write(
    disagreements === 0
      ? `All ${rows.length} comparisons agree to ${bound} of the largest value.\n`
      : `${disagreements} of ${rows.length} comparisons differ by more than ${bound} of the largest value. Where choices went elsewhere, a router decision may have been a tie to rounding: try --seed.\n`,
  )
  process.exitCode = disagreements === 0 ? 0 : 1
} catch (error) {
  say((error as Error).message)
  process.exitCode = 1
} finally {
  machine.close()
  if (keep === undefined) rmSync(home, { recursive: true, force: true })
}
