/** A run that is interrupted, politely or not, goes on as if nothing had happened. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Random, readRunLog } from '../src/base/index.ts'
import { stepTrace } from '../src/pretraining/index.ts'
import { runEventSchemas } from '../src/report/index.ts'
import { Workplace } from './end-to-end-helpers.ts'

/** About 120 steps in two seconds or so, with several checkpoints on the way. */
const settings = ['training.tokens=61440', 'training.checkpointSeconds=0.15', 'evaluation.scoresAlongTheWay=0']

/** Interruptions come within so many steps from a start, so that the run cannot have ended before, however fast the machine. */
const firstSteps = 12
const pretrain = (name: string) => [
  'pretrain',
  'tiny',
  '--name',
  name,
  '--threads',
  '1',
  ...settings.flatMap((setting) => ['--set', setting]),
]

const logOf = (place: Workplace, name: string) => {
  const log = place.at('runs', name, 'events.jsonl')
  return existsSync(log) ? readRunLog(log, runEventSchemas) : []
}

/** Starts the run, waits for one of its next steps, a random one, and then for a random moment. */
const startUntilSomeMoment = async (place: Workplace, name: string, rng: Random) => {
  const stepsLogged = () => logOf(place, name).filter(({ type }) => type === 'training/step').length
  const awaited = stepsLogged() + 1 + Math.floor(rng.uniform() * firstSteps)
  const running = place.start(...pretrain(name))
  while (stepsLogged() < awaited) {
    assert.equal(running.child.exitCode, null, 'ended before it was interrupted')
    await setTimeout(2)
  }
  await setTimeout(rng.uniform() * 15)
  return running
}

const traceOf = (place: Workplace, name: string) =>
  stepTrace(logOf(place, name)).map(({ step, tokens, lossNats, mtpNats, gradientNorm }) =>
    [step, tokens, lossNats, ...mtpNats, gradientNorm].join(' '),
  )

const weightsOf = (place: Workplace, name: string) => readFileSync(place.at('runs', name, 'model', 'model.safetensors'))

test('a run that was killed at a random moment, and one that was asked to stop, end like one that was let alone', async (context) => {
  using place = new Workplace()
  const whole = await place.run(...pretrain('whole'))
  assert.equal(whole.status, 0, whole.stderr)
  const seed = Date.now() % 1e9
  const rng = Random.seeded(seed)
  context.diagnostic(`seed ${seed}`)

  for (let round = 0; round < 2; round++) {
    const killed = await startUntilSomeMoment(place, 'killed', rng)
    killed.child.kill('SIGKILL')
    assert.equal((await killed.finished).signal, 'SIGKILL')
  }
  const resumed = await place.run(...pretrain('killed'))
  assert.equal(resumed.status, 0, resumed.stderr)
  assert.deepEqual(traceOf(place, 'killed'), traceOf(place, 'whole'))
  assert.deepEqual(weightsOf(place, 'killed'), weightsOf(place, 'whole'))

  const stopped = await startUntilSomeMoment(place, 'stopped', rng)
  stopped.child.kill('SIGINT')
  const { status, stdout, stderr } = await stopped.finished
  assert.equal(status, 130, stderr)
  assert.match(stderr, /once more to leave at once/)
  assert.match(stdout, /Stopped after step \d+; a checkpoint is in .*--resume/s)
  const after = Number(/after step (\d+)/.exec(stdout)![1])
  assert.ok(existsSync(place.at('runs', 'stopped', 'checkpoints', `pretrain-${after}`)))
  assert.equal(existsSync(place.at('runs', 'stopped', 'model')), false)
  const last = await place.run('pretrain', 'runs/stopped', '--resume', '--threads', '1')
  assert.equal(last.status, 0, last.stderr)
  assert.match(last.stderr, new RegExp(`from step ${after} `))
  assert.deepEqual(traceOf(place, 'stopped'), traceOf(place, 'whole'))
  assert.deepEqual(weightsOf(place, 'stopped'), weightsOf(place, 'whole'))
})

test('a second interruption ends the process at once, and a folder in use is refused meanwhile', async () => {
  using place = new Workplace()
  // A step of 32 micro-batches lasts for seconds, so the process cannot have finished it.
  const large = [
    'training.rows=2048',
    'training.microRows=64',
    'training.rowLength=256',
    'training.tokens=10000000',
    'training.schedule.firstBatchShare=1',
  ]
  const running = place.start('pretrain', 'tiny', '--threads', '1', ...large.flatMap((setting) => ['--set', setting]))
  await running.says(/text /)
  while (!existsSync(place.at('runs', 'tiny', '.lock'))) await setTimeout(20)
  await setTimeout(300)
  const other = await place.run('pretrain', 'runs/tiny', '--resume', '--threads', '1')
  assert.equal(other.status, 2)
  assert.match(other.stderr, /in use by process \d+/)
  running.child.kill('SIGINT')
  await running.says(/once more to leave at once/)
  running.child.kill('SIGINT')
  const { status, signal } = await running.finished
  assert.deepEqual({ status, signal }, { status: null, signal: 'SIGINT' })
  assert.deepEqual(readdirSync(place.at('runs', 'tiny', 'checkpoints')), [])
})

test('an interruption before training begins is said, and the status is that of the signal', async () => {
  using place = new Workplace()
  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const running = place.start('pretrain', 'tiny', '--threads', '1')
    await running.says(/kernels /)
    running.child.kill(signal)
    const { status, stderr } = await running.finished
    assert.equal(status, expected, stderr)
    assert.match(stderr, /^interrupted; type the same command to go on$/m)
    assert.equal(existsSync(place.at('runs')), false)
  }
})
