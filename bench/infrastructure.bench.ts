/**
 * How fast is the layer on paper? Four questions, each with its goal: a full plan of V3 including the start of the
 * process, DualPipe simulated, the search over all layouts, the balancer at production size.
 *
 *   node bench/infrastructure.bench.ts [--json]
 *
 * Each result is verified before it is timed. Times are wall clock: median, best and interquartile range.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { presets } from '../src/architecture/presets.ts'
import { Random } from '../src/base/random.ts'
import {
  calibrate,
  clusterNamed,
  createSchedule,
  loadImbalance,
  rebalanceExperts,
  searchLayouts,
  simulate,
  uniformTiming,
} from '../src/infrastructure/index.ts'

interface Result {
  readonly name: string
  readonly goalSeconds: number
  readonly medianSeconds: number
  readonly bestSeconds: number
  readonly spreadSeconds: number
  readonly samples: number
}

/** @param work is run once unmeasured, then until there are `samples` of it */
function measure(name: string, goalSeconds: number, samples: number, work: () => void): Result {
  work()
  const times = Array.from({ length: samples }, () => {
    const start = performance.now()
    work()
    return (performance.now() - start) / 1e3
  }).sort((a, b) => a - b)
  const quantile = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))]
  return {
    name,
    goalSeconds,
    medianSeconds: quantile(0.5),
    bestSeconds: times[0],
    spreadSeconds: quantile(0.75) - quantile(0.25),
    samples,
  }
}

const cli = fileURLToPath(new URL('../src/apps/cli.ts', import.meta.url))
const planInProcess = () => {
  const { status, stdout } = spawnSync(process.execPath, [cli, 'plan', 'deepseek-v3', '--json'], { encoding: 'utf8' })
  assert.equal(status, 0)
  assert.equal((JSON.parse(stdout) as { parameters: { total: number } }).parameters.total, 671_026_419_200)
}

const durations = { forward: 1, backward: 2, weight: 1, overlapped: 3 }
const simulateDualPipe = () => {
  const schedule = createSchedule({ name: 'dualpipe', rankCount: 16, microbatchCount: 120 })
  assert.equal(simulate(schedule, uniformTiming(16, durations)).maxIdle, 14)
}

const search = () => {
  const cluster = clusterNamed('h800x2048')
  const { ranked } = searchLayouts({
    model: presets['deepseek-v3'],
    cluster,
    efficiency: calibrate(),
    batchSequences: 15_360,
    sequenceLength: 4096,
    precision: 'fp8',
  })
  assert.ok(ranked.length > 0)
}

const rng = Random.seeded(0).fork('bench/loads')
const loads = Array.from({ length: 58 }, () => Array.from({ length: 256 }, () => Math.exp(rng.normal())))
const balance = () => {
  const placements = rebalanceExperts(loads, { replicaCount: 288, groupCount: 8, nodeCount: 4, deviceCount: 32 })
  assert.ok(placements.every(({ deviceLoads }) => loadImbalance(deviceLoads) < 1.5))
}

const results = [
  measure('plan deepseek-v3, process start included', 0.3, 9, planInProcess),
  measure('DualPipe, 16 ranks, 120 micro-batches', 0.05, 20, simulateDualPipe),
  measure('search, all layouts for 2048 devices', 10, 3, search),
  measure('balance 58 layers x 256 experts onto 288 slots', 0.2, 20, balance),
]

if (process.argv.includes('--json')) {
  process.stdout.write(`${JSON.stringify({ results })}\n`)
} else {
  const ms = (seconds: number) => `${(seconds * 1e3).toFixed(1)} ms`.padStart(10)
  for (const { name, goalSeconds, medianSeconds, bestSeconds, spreadSeconds, samples } of results) {
    const mark = medianSeconds <= goalSeconds ? 'within' : 'above'
    process.stdout.write(
      `${name.padEnd(48)} median ${ms(medianSeconds)}  best ${ms(bestSeconds)}  iqr ${ms(spreadSeconds)}  n ${samples}  ${mark} ${ms(goalSeconds).trim()}\n`,
    )
  }
}
