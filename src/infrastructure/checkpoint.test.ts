import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, beforeEach, test } from 'node:test'
import { createModel, presets, weightsToWrite } from '../architecture/index.ts'
import { InvariantError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { Machine } from '../compute/index.ts'
import { type AdamWConfig, createAdamW, initialize, momentNumbers, norm, stepAdamW } from '../foundations/index.ts'
import { latestCheckpoint, readCheckpoint, type TrainingTensors, writeCheckpoint } from './checkpoint.ts'
import type { CheckpointState } from './checkpoint-state.ts'
import { sweepLeftovers } from './whole-folder.ts'

const machine = await Machine.start({ threads: 1 })
after(() => machine.close())

let run: string
beforeEach(() => (run = mkdtempSync(path.join(tmpdir(), 'strata-run-'))))
afterEach(() => rmSync(run, { recursive: true, force: true }))

const settings: AdamWConfig = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1, emaDecay: 0.9 }

function newTraining(seed: number, emaDecay: number | null = 0.9, own: Partial<AdamWConfig> = {}): TrainingTensors {
  const model = createModel(machine, presets.tiny, { withGradients: true })
  initialize(model.parameters.set, 0.1, Random.seeded(seed))
  const stream = Random.seeded(seed).fork('gradients')
  const { data } = model.parameters.set.gradients!
  for (let i = 0; i < data.length; i++) data[i] = stream.normal()
  return { model, optimizer: createAdamW(model.parameters.set, { ...settings, emaDecay, ...own }) }
}

function step({ model, optimizer }: TrainingTensors): void {
  const { set, biases } = model.parameters
  stepAdamW(optimizer, set, settings, norm(set.gradients!), 0.01)
  biases[0].tensor.data[optimizer.step % 16] += 0.001
}

/** Every number that training goes on from. */
const numbersOf = ({ model, optimizer }: TrainingTensors) => [
  ...weightsToWrite(model).flatMap(({ data }) => Array.from(data, Number)),
  ...momentNumbers(optimizer.mean),
  ...momentNumbers(optimizer.square),
  ...(optimizer.average?.data ?? optimizer.hostAverage ?? []),
  optimizer.step,
]

const stateAt = (stepCount: number): CheckpointState => ({
  stage: 'pretrain',
  step: stepCount,
  tokens: 4096 * stepCount,
  random: [{ path: 'mixture/domains', draws: 12 }],
  data: { fingerprint: 'text', domainDraws: 3, cursors: { prose: { epoch: 0, position: 1, offset: 2 } } },
  schedule: { decayFrom: 0.75 },
  recipeHash: 'recipe',
  dataHash: 'data',
})

const save = (training: TrainingTensors, stepCount: number, keepCount?: number) =>
  writeCheckpoint(run, { ...training, state: stateAt(stepCount) }, keepCount === undefined ? {} : { keepCount })

for (const [name, own] of Object.entries({
  'as usual': {},
  'moments in bf16': { moments: 'bf16' },
  'the average outside': { averageIn: 'host' },
} as const satisfies Record<string, Partial<AdamWConfig>>)) {
  test(`two steps, a checkpoint and two steps are four steps, bit for bit: ${name}`, () => {
    const straight = newTraining(1, 0.9, own)
    for (let i = 0; i < 4; i++) step(straight)
    const first = newTraining(1, 0.9, own)
    step(first)
    step(first)
    const folder = save(first, 2)
    const resumed = newTraining(2, 0.9, own)
    resumed.model.parameters.set.gradients!.data.set(straight.model.parameters.set.gradients!.data)
    assert.deepEqual(readCheckpoint(folder, resumed, { recipeHash: 'recipe' }), stateAt(2))
    step(resumed)
    step(resumed)
    assert.deepEqual(numbersOf(resumed), numbersOf(straight))
  })
}

test('the latest whole checkpoint is found; broken ones are passed over with a reason, hidden ones without', () => {
  const training = newTraining(1)
  assert.deepEqual(latestCheckpoint(run), { found: null, broken: [] })
  for (const at of [5, 10, 100, 200, 300]) save(training, at)
  const inCheckpoints = (...names: string[]) => path.join(run, 'checkpoints', ...names)
  truncateSync(inCheckpoints('pretrain-300', 'optimizer.safetensors'), 5000)
  writeFileSync(inCheckpoints('pretrain-200', 'state.json'), '{"version":1,"step":"two hundred"}')
  mkdirSync(inCheckpoints('.pretrain-400.1-0000aaaabbbb.partial'))
  mkdirSync(inCheckpoints('sft-500'))
  const { found, broken } = latestCheckpoint(run)
  assert.equal(found?.folder, inCheckpoints('pretrain-100'))
  assert.deepEqual(found?.state, stateAt(100))
  assert.deepEqual(
    broken.map(({ folder }) => path.basename(folder)),
    ['pretrain-300', 'pretrain-200'],
  )
  assert.match(broken[0].reason, /optimizer.safetensors/)
  assert.match(broken[1].reason, /state.json: \d+ things are wrong[^]*step: /)
  assert.equal(latestCheckpoint(run, 'sft').found, null)
})

test('the last few are kept, and a stage does not remove those of another', () => {
  const training = newTraining(1)
  for (const at of [9, 10, 11, 12]) save(training, at, 2)
  writeCheckpoint(run, { ...training, state: { ...stateAt(20), stage: 'extend' } }, { keepCount: 1 })
  assert.deepEqual(readdirSync(path.join(run, 'checkpoints')).sort(), ['extend-20', 'pretrain-11', 'pretrain-12'])
})

test('a number that is not finite is never written, and the checkpoint before it stays', () => {
  const training = newTraining(1)
  save(training, 1)
  training.optimizer.square.data[0] = Infinity
  assert.throws(() => save(training, 2, 1), /square.model.embed_tokens.weight: expected finite numbers, got Infinity at 0/)
  training.optimizer.square.data[0] = 0
  training.model.parameters.biases[0].tensor.data[2] = Number.NaN
  assert.throws(() => save(training, 2, 1), /gate.e_score_correction_bias: expected finite numbers, got NaN at 2/)
  assert.deepEqual(readdirSync(path.join(run, 'checkpoints')), ['pretrain-1'])
})

test('a state that JSON cannot hold is a defect of ours', () => {
  const state = { ...stateAt(1), schedule: { lr: Number.NaN } }
  assert.throws(() => writeCheckpoint(run, { ...newTraining(1), state }), InvariantError)
})

test('what does not belong to the run is refused, all at once, and nothing is changed', () => {
  const folder = save(newTraining(1), 3)
  const other = newTraining(2, null)
  const before = numbersOf(other)
  const read = () => readCheckpoint(folder, other, { recipeHash: 'another', dataHash: 'data' })
  assert.throws(read, /2 things are wrong.\n.*recipe: [^\n]*\n.*optimizer: expected none, got a moving average/)
  const model = createModel(machine, { ...presets.tiny, routedScale: 1 }, { withGradients: false })
  const optimizer = createAdamW(model.parameters.set, settings)
  assert.throws(() => readCheckpoint(folder, { model, optimizer }), /config.json: expected the sizes of this run/)
  const narrow = createModel(machine, { ...presets.tiny, expertFfnWidth: 16 }, { withGradients: false })
  const foreign = { model: narrow, optimizer: createAdamW(narrow.parameters.set, settings) }
  assert.throws(() => readCheckpoint(folder, foreign), /the moments of this model, got those of another/)
  assert.deepEqual(numbersOf(other), before)
})

/** A child process that trains the tiny model and writes checkpoints 1, 2, …; prints a line before each. */
const writer = (from: number, to: number) => `
  import { createModel, presets } from ${moduleAt('../architecture/index.ts')}
  import { Machine } from ${moduleAt('../compute/index.ts')}
  import { createAdamW, initialize } from ${moduleAt('../foundations/index.ts')}
  import { Random } from ${moduleAt('../base/random.ts')}
  import { writeCheckpoint } from ${moduleAt('checkpoint.ts')}
  const machine = await Machine.start({ threads: 1 })
  const model = createModel(machine, presets.tiny, { withGradients: false })
  initialize(model.parameters.set, 0.1, Random.seeded(1))
  const optimizer = createAdamW(model.parameters.set, ${JSON.stringify(settings)})
  const state = ${JSON.stringify(stateAt(0))}
  for (let step = ${from}; step <= ${to}; step++) {
    process.stdout.write(step + '\\n')
    try { writeCheckpoint(${JSON.stringify(run)}, { model, optimizer, state: { ...state, step } }, { keepCount: 2 }) }
    catch (error) { process.stdout.write(error.name + ' ' + error.message) }
  }`
const moduleAt = (file: string) => JSON.stringify(new URL(file, import.meta.url).href)

test('a process killed at any moment leaves a checkpoint to go on from, and its litter is swept', async () => {
  const training = newTraining(1)
  for (const milliseconds of [3, 11, 23]) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', writer(1, 1e6)], { stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const text of child.stdout) if (String(text).includes('3\n')) break
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    const gone = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await gone
    const checkpoints = path.join(run, 'checkpoints')
    sweepLeftovers(checkpoints)
    assert.ok(readdirSync(checkpoints).every((name) => /^pretrain-\d+$/.test(name)))
    const { found, broken } = latestCheckpoint(run)
    assert.deepEqual(broken, [])
    assert.equal(readCheckpoint(found!.folder, training).step, found!.state.step)
    rmSync(checkpoints, { recursive: true })
  }
})

test('on a full disk the earlier checkpoint stays as it was', { skip: process.platform === 'win32' }, () => {
  const folder = save(newTraining(1), 1)
  const before = readFileSync(path.join(folder, 'optimizer.safetensors'))
  // A limit on the size of files (in blocks of 512 bytes) between that of the weights and that of the moments.
  const shell = `trap '' XFSZ; ulimit -f 1400; exec "$0" --input-type=module -e "$1"`
  const { stdout } = spawnSync('sh', ['-c', shell, process.execPath, writer(2, 2)], { encoding: 'utf8' })
  assert.match(stdout, /^2\nUsageError \S+pretrain-2\/optimizer.safetensors: expected room and permission to write/)
  assert.deepEqual(readdirSync(path.join(run, 'checkpoints')), ['pretrain-1'])
  assert.deepEqual(readFileSync(path.join(folder, 'optimizer.safetensors')), before)
})
