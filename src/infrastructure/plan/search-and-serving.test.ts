import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { presets } from '../../architecture/presets.ts'
import { UsageError } from '../../base/errors.ts'
import { clusterNamed } from '../cluster/clusters.ts'
import { calibrate } from './efficiency.ts'
import { publishedLayouts } from './layout.ts'
import { predictLocalStep } from './local-step.ts'
import { memoryLimit } from './memory.ts'
import { planSettings, servingRequest } from './plan-settings.ts'
import { searchLayouts } from './search.ts'
import { communicationLimit, planServing } from './serving.ts'
import { searchText, validationText, whatIfText } from './tables.ts'
import { validate } from './validation.ts'
import { whatIf } from './what-if.ts'

const model = presets['deepseek-v3']
const cluster = clusterNamed('h800x2048')
const efficiency = calibrate()
const request = { model, cluster, efficiency, batchSequences: 15_360, sequenceLength: 4096, precision: 'fp8' } as const
const { settings } = planSettings('deepseek-v3', model, cluster)

describe('search', () => {
  const result = searchLayouts(request, 6)
  test('the published layout is among the first for V3 on 2048 H800', () => {
    const published = result.ranked.findIndex(
      ({ layout }) => layout.pipelineRanks === 16 && layout.expertRanks === 64 && layout.schedule === 'dualpipe',
    )
    assert.ok(published >= 0 && published < 3, `place ${published}`)
  })
  test('all that is ranked fits, fastest first, and says what binds it', () => {
    const limit = memoryLimit(cluster, efficiency)
    result.ranked.forEach(({ memory, tokensPerSecond, boundBy }, index) => {
      assert.ok(memory.total <= limit)
      assert.ok(boundBy.length > 0)
      assert.ok(index === 0 || tokensPerSecond <= result.ranked[index - 1].tokensPerSecond)
    })
    assert.ok(result.fittingCount < result.consideredCount)
    assert.match(searchText(result), /layouts considered.*\n\n.*bound by/)
  })
  test('what would be faster with more memory is named', () => {
    assert.ok(result.outOfReach && result.outOfReach.bytesOver > 0)
  })
  test('when nothing fits: the closest, by how much it misses, and what binds', () => {
    assert.throws(() => searchLayouts({ ...request, cluster: clusterNamed('h800x64') }), /GiB at the least.*too much, most of it gradients/)
  })
})

describe('serving', () => {
  test('the published limit of expert-parallel decode', () => {
    const { layerSeconds, secondsPerToken } = communicationLimit({ tokens: 32, destinations: 9, width: 7000, layerCount: 61 }, 50e9)
    assert.equal((layerSeconds * 1e6).toFixed(2), '120.96')
    assert.equal((secondsPerToken * 1e3).toFixed(2), '14.76')
  })
  const serving = servingRequest(settings)
  const { prefill, decode } = planServing(serving)
  test('the production deployment holds two routed experts a device and is bound by communication', () => {
    assert.equal(decode.expertsPerDevice, 2)
    assert.equal(decode.boundBy, 'communication')
    assert.equal(decode.cacheFlopsPerByte.toFixed(0), '242')
  })
  test('full load is above the measured mean of a day, and less than four times as much', () => {
    assert.ok(decode.tokensPerSecondPerNode > 14_800 && decode.tokensPerSecondPerNode < 4 * 14_800)
    assert.ok(prefill.tokensPerSecondPerNode > 32_000 && prefill.tokensPerSecondPerNode < 4 * 32_000)
    assert.ok(decode.tokensPerSecondPerSequence > 20)
  })
  test('drafts make tokens cheaper in time, by less than one plus the acceptance', () => {
    const drafted = planServing({ ...serving, requestsPerDevice: 8, draftAcceptance: 0.85 }).decode
    const plain = planServing({ ...serving, requestsPerDevice: 8 }).decode
    assert.ok(drafted.secondsPerToken < plain.secondsPerToken)
    assert.ok(drafted.secondsPerToken > plain.secondsPerToken / 1.85)
  })
  test('never more sequences than fit', () => {
    const crowded = planServing({ ...serving, requestsPerDevice: 100_000 }).decode
    assert.equal(crowded.sequencesServed, crowded.sequencesThatFit)
    const fp8 = planServing({ ...serving, cacheFormat: 'fp8' }).decode
    assert.ok(fp8.sequencesThatFit > decode.sequencesThatFit)
  })
  test('what cannot be served', () => {
    assert.throws(() => planServing({ ...serving, contextTokens: 0.5, draftAcceptance: 2 }), /2 things are wrong/)
    assert.throws(() => planServing({ ...serving, decode: { ...serving.decode, devices: 100 } }), /divide over 100/)
    assert.throws(
      () => planServing({ ...serving, decode: { ...serving.decode, devices: 1, redundantExperts: 0 } }),
      /weights for 256 experts/,
    )
  })
})

describe('what if', () => {
  const start = { name: 'deepseek-v3', model, cluster, layout: publishedLayouts['deepseek-v3'].layout, tokens: 14.8e12 }
  const sweep = (variable: string) => whatIf(start, servingRequest(settings), variable)
  const rises = (values: readonly number[]) => values.every((value, index) => index === 0 || value >= values[index - 1])

  test('more nodes a token: more traffic, more of it exposed, longer steps', () => {
    const { rows } = sweep('nodes-per-token')
    assert.ok(rises(rows.map((row) => row.networkBytesPerToken)))
    assert.ok(rises(rows.map((row) => row.exposedSeconds)))
    assert.ok(rises(rows.map((row) => row.stepSeconds)))
  })
  test('a wider latent: more cache, fewer sequences', () => {
    const { rows } = sweep('latent-rank')
    assert.ok(rises(rows.map((row) => row.cacheBytesPerToken)))
    assert.ok(rises(rows.map((row) => -row.sequencesThatFit)))
  })
  test('what does not fit is listed with its reason', () => {
    const { rows, impossible } = sweep('precision')
    assert.deepEqual(
      rows.map(({ value }) => value),
      ['fp8'],
    )
    assert.match(impossible[0].reason, /GiB more than/)
    assert.match(whatIfText(sweep('precision')), /Not possible:\n {2}bf16/)
  })
  test('an unknown variable is a usage error', () => assert.throws(() => sweep('colour'), UsageError))
  test('nodes a token are a question for routers with groups only', () => {
    const free = { ...start, model: presets['deepseek-v2-lite'] }
    assert.throws(() => whatIf(free, servingRequest(settings), 'nodes-per-token'), /any expert/)
  })
  test('fewer active experts: no longer step', () => assert.ok(rises(sweep('active-experts').rows.map((row) => row.stepSeconds))))
})

describe('this project’s own step', () => {
  const machine = { gflopsOneThread: 58, gflopsAllThreads: 110, streamGBs: 20 }
  const heap = { activations: 400e6, passing: 40e6 }
  const step = predictLocalStep(presets.bench, machine, { sequences: 8, length: 512 }, heap)
  test('46.0 MFLOP a token, 17.4M parameters with gradients and two moments', () => {
    assert.equal((step.modelFlops / (8 * 512) / 1e6).toFixed(1), '46.0')
    assert.equal(step.memory.weights + step.memory.gradients + step.memory.moments, 16 * 17_368_688)
    assert.equal(
      Object.values(step.memory).reduce((sum, bytes) => sum + bytes, 0),
      step.memoryBytes,
    )
  })
  test('time follows the probed ceilings', () => {
    const twice = predictLocalStep(presets.bench, { ...machine, gflopsAllThreads: 220, streamGBs: 40 }, { sequences: 8, length: 512 }, heap)
    assert.ok(Math.abs(twice.seconds - step.seconds / 2) < 1e-12)
    assert.ok(step.seconds > step.modelFlops / 110e9)
    // Wider vectors raise the ceiling more than what is reached of it.
    const wide = predictLocalStep(
      presets.bench,
      { ...machine, gflopsAllThreads: 220, vectorBits: 256 },
      { sequences: 8, length: 512 },
      heap,
    )
    assert.ok(wide.matrixSeconds > step.matrixSeconds / 2 && wide.matrixSeconds < step.matrixSeconds)
  })
  test('an impossible batch is a usage error', () =>
    assert.throws(() => predictLocalStep(presets.bench, machine, { sequences: 0, length: 1.5 }, heap), /2 things/))
})

describe('validation', () => {
  const rows = validate()
  test('every row holds, exact ones to the last digit', () => {
    assert.deepEqual(
      rows.filter(({ holds }) => !holds).map(({ quantity }) => quantity),
      [],
    )
    for (const { isExact, ours, published } of rows) if (isExact) assert.equal(ours, published)
  })
  test('all 37 rows of the facts are there, and the prediction of the run', () => {
    const numbers = new Set(rows.map(({ row }) => row))
    for (let row = 1; row <= 38; row++) assert.ok(numbers.has(row), `row ${row}`)
  })
  test('a row that does not hold is marked', () => {
    const text = validationText([{ ...rows[0], ours: 1, holds: false }])
    assert.match(text, /^X/m)
    assert.match(text, /1 of 1 rows do not hold: V3 parameters/)
  })
})
