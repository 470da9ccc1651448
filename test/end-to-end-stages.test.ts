/** The whole sequence on the vendored corpus: interrupted in every stage and left alone, with one result and one report. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Random, readRunLog } from '../src/base/index.ts'
import { readRunFacts, renderReport, type RunDocument, runEventSchemas, runFactsOf, type RunRecordEvent } from '../src/report/index.ts'
import { Workplace } from './end-to-end-helpers.ts'

/** Stages of some twenty steps each, so that there is something to interrupt; every one of them moves the weights. */
const settings = [
  'training.tokens=10240',
  'training.checkpointSeconds=0.05',
  'extension.steps=8',
  'sft.conversations=300',
  'rl.steps=12',
  'rl.shuffledSteps=4',
  'rl.problemsPerStep=4',
  'ablations.names=["mtp"]',
  'evaluation.itemsPerTask=4',
]
const run = (name: string) => ['run', 'tiny', '--name', name, '--threads', '1', ...settings.flatMap((setting) => ['--set', setting])]

const eventsOf = (place: Workplace, name: string): readonly RunRecordEvent[] => {
  const file = place.at('runs', name, 'events.jsonl')
  return existsSync(file) ? readRunLog<RunRecordEvent>(file, runEventSchemas) : []
}

/** What a clock gave, wherever it stands: seconds, rates, shares of a ceiling. */
const isTimed = /seconds|persecond|gflops|gbs|peakshare|wascached|iscached/i

/** A document in which everything that a clock gave is 1, in lists of repeated timings too. */
const withoutTimes = <T>(document: T): T =>
  JSON.parse(JSON.stringify(document, (key, value: unknown) => (isTimed.test(key) ? timeless(value) : value))) as T

const timeless = (value: unknown): unknown => (Array.isArray(value) ? value.map(timeless) : typeof value === 'object' ? value : 1)

/** The report that would have been written if every clock had stood still. */
function timelessReport(place: Workplace, name: string): string {
  const { document, events, config, missing } = readRunFacts(place.at('runs', name))
  const asked = { ...document.asked, settings: [] }
  return renderReport(
    runFactsOf('run', withoutTimes<RunDocument>({ ...document, asked }), onceEach(events).map(withoutTimes), config, missing),
  )
}

/** Events of a log without what an interruption leaves twice: the text is gathered again, checkpoints fall at other steps. */
function onceEach(events: readonly RunRecordEvent[]): RunRecordEvent[] {
  const isOfProcess = ({ type }: RunRecordEvent) =>
    type.startsWith('data-') || ['kernels', 'training/checkpoint', 'training/start', 'training/end', 'sft/data'].includes(type)
  const seen = new Map<string, RunRecordEvent>()
  for (const event of events) {
    if (isOfProcess(event) || (event.type === 'run/stage' && event.stage === 'data')) continue
    const { step, stage } = event as { step?: number; stage?: string }
    const key =
      step === undefined
        ? JSON.stringify(withoutTimes(event))
        : `${event.type} ${stage} ${step} ${event.type === 'rl/example' ? event.task : ''}`
    seen.set(key, event)
  }
  return [...seen.values()]
}

/** A report is too long to be shown whole where two differ. */
function assertSameLines(actual: string, expected: string): void {
  const [lines, others] = [actual.split('\n'), expected.split('\n')]
  const at = lines.findIndex((line, index) => line !== others[index])
  assert.equal(lines[at], others[at], `line ${at + 1}`)
  assert.equal(lines.length, others.length)
}

test('interrupted in every stage, by force and politely, a run ends with the same model and the same report', async (context) => {
  using place = new Workplace()
  const whole = await place.run(...run('whole'))
  assert.equal(whole.status, 0, whole.stderr)
  const seed = Date.now() % 1e9
  const rng = Random.seeded(seed)
  context.diagnostic(`seed ${seed}`)

  for (const [index, stage] of (['pretrain', 'extend-1', 'extend-2', 'extend-jump', 'sft', 'rl', 'rl-shuffled'] as const).entries()) {
    const isPolite = index % 2 === 1
    const running = place.start(...run('cut'))
    const isBegun = () =>
      eventsOf(place, 'cut').some((event) => 'stage' in event && event.stage === stage && event.type !== 'training/start')
    while (!isBegun() && running.child.exitCode === null) await setTimeout(1)
    await setTimeout(rng.uniform() * 10)
    running.child.kill(isPolite ? 'SIGINT' : 'SIGKILL')
    const { status, signal } = await running.finished
    assert.ok(signal === 'SIGKILL' || status === 130, `${stage}: ended with ${status} ${signal}`)
  }
  const resumed = await place.run(...run('cut'))
  assert.equal(resumed.status, 0, resumed.stderr)

  const weightsOf = (name: string) => readFileSync(place.at('runs', name, 'model', 'model.safetensors'))
  assert.ok(weightsOf('cut').equals(weightsOf('whole')))
  assertSameLines(timelessReport(place, 'cut'), timelessReport(place, 'whole'))

  const report = place.at('runs', 'whole', 'report.html')
  const written = readFileSync(report, 'utf8')
  assert.ok(statSync(report).size < 2e6)
  const again = await place.run('report', 'runs/whole')
  assert.equal(again.status, 0, again.stderr)
  assertSameLines(readFileSync(report, 'utf8'), written)
})
