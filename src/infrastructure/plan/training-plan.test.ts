import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { presets } from '../../architecture/presets.ts'
import { UsageError } from '../../base/errors.ts'
import { clusterNamed } from '../cluster/clusters.ts'
import { overlapPair } from '../schedules/pair-lanes.ts'
import { keptBytes, keptTensors } from './activations.ts'
import { calibrate, efficiencySources, publicTrace } from './efficiency.ts'
import { layoutCounts, layoutViolations, publishedLayouts } from './layout.ts'
import { memoryPlan, savingsWorth } from './memory.ts'
import { planDocument } from './plan-document.ts'
import { planText } from './plan-text.ts'
import { comparePublishedRun, headlineTolerance, isPublishedRun } from './published-run.ts'
import { splitStages, stageParameters } from './stages.ts'
import { layerCompute, layoutStages } from './stage-timing.ts'
import { stagesOfRanks } from './step-time.ts'
import { planTraining } from './training-plan.ts'

const model = presets['deepseek-v3']
const cluster = clusterNamed('h800x2048')
const { layout, tokens } = publishedLayouts['deepseek-v3']
const efficiency = calibrate()
const plan = planTraining({ name: 'deepseek-v3', model, cluster, layout, tokens })

describe('the published run', () => {
  test('its layout gives the published micro-batches, replicas and tokens', () => {
    const counts = layoutCounts(layout, cluster)
    assert.equal(counts.dataRanks, 128)
    assert.equal(counts.expertReplicas, 2)
    assert.equal(counts.microbatchCount, 120)
    assert.equal(counts.tokensPerStep, 62_914_560)
    assert.equal(counts.nodesPerExpertGroup, 8)
  })

  test('step, tokens a day, MFU and GPU-hours are within 10 % of what was published, every gap explained', () => {
    const rows = comparePublishedRun(plan)
    const headlines = rows.filter(({ isHeadline }) => isHeadline)
    assert.equal(headlines.length, 5)
    for (const { quantity, difference } of headlines) assert.ok(Math.abs(difference) < headlineTolerance, `${quantity}: ${difference}`)
    assert.ok(rows.every(({ why }) => why.length > 5))
    assert.ok(isPublishedRun(plan))
  })

  test('the simulated bubble is larger than the formula for equal stages', () => {
    assert.ok(plan.step.bubbleSeconds > 1.2)
    assert.deepEqual(new Set(plan.step.simulation.peakActivations), new Set([17]))
  })

  test('it fits an H800, with 3.27B parameters on the fullest device', () => {
    assert.ok(plan.memory.total < 80e9 * 0.95)
    assert.equal((plan.memory.parameters / 1e9).toFixed(2), '3.27')
  })

  test('its document has the keys of the interface', () => {
    const document = planDocument(plan, null)
    assert.equal(document.parameters.total, 671_026_419_200)
    assert.equal(document.parameters.activated, 36_625_618_432)
    assert.deepEqual([document.checkpoint.tensors, document.checkpoint.bytes], [91_991, 688_574_839_360])
    assert.equal((document.trainingFlopsPerToken.causal / 1e9).toFixed(2), '250.46')
    assert.equal((document.trainingFlopsPerToken.full / 1e9).toFixed(2), '281.16')
    assert.equal(document.kvCacheBytesPerToken, 70_272)
    assert.equal(document.step.seconds, plan.step.seconds)
    assert.ok(document.step.tokensPerDay > 0 && document.step.mfuCausal < document.step.mfuFull)
    assert.equal(document.memoryPerDevice.total, plan.memory.total)
    assert.doesNotMatch(JSON.stringify(document), /:null,"seconds"|NaN/)
  })

  test('its text reads in order and names every input that is not arithmetic', () => {
    const text = planText(plan, 'none', 'as published')
    const order = ['\nModel\n', '\nMemory\n', '\nTraffic\n', '\nSchedule\n', '\nStep\n', '\nRun\n', '\nServing\n'].map((title) =>
      text.indexOf(title),
    )
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    )
    assert.ok(order.every((at) => at > 0))
    for (const source of Object.values(efficiencySources)) assert.ok(text.replaceAll(/\s+/g, ' ').includes(source), source)
    assert.doesNotMatch(text, /NaN|undefined|Infinity/)
  })
})

describe('efficiency', () => {
  test('a V3 layer on H800 takes what the trace shows when it runs beside communication', () => {
    const layer = layerCompute(model, cluster, layout, efficiency, 'moe')
    const beside = ({ matrix, rest }: { matrix: number; rest: number }) => matrix / (1 - efficiency.communicationSmShare) + rest
    for (const part of ['attentionForward', 'attentionBackward', 'attentionWeight', 'mlpForward', 'mlpBackward', 'mlpWeight'] as const) {
      assert.ok(Math.abs(beside(layer[part]) / publicTrace[part] - 1) < 1e-9, part)
    }
  })
  test('no part of the trace is shorter than its products alone: every memory-bound rest is positive', () => {
    for (const [name, passes] of Object.entries(efficiency.passes)) assert.ok(passes > 0, name)
    assert.ok(efficiency.pairStretch >= 1)
  })
  test('a device with twice the peak halves the products and keeps the memory-bound rest', () => {
    const fast = { ...cluster, device: { ...cluster.device, peakFlops: { bf16: 1978e12, fp8: 3958e12, f32: 1e12 } } }
    const [slow, quick] = [cluster, fast].map((on) => layerCompute(model, on, layout, efficiency, 'moe').mlpForward)
    assert.ok(Math.abs(quick.matrix / slow.matrix - 0.5) < 1e-3)
    assert.equal(quick.rest, slow.rest)
  })
})

describe('stages', () => {
  test('all layers are placed once, in order, and no stage is empty', () => {
    for (const stageCount of [1, 2, 7, 16, 31, 62]) {
      const stages = splitStages(model, stageCount, { dense: 1, moe: 1, mtp: 1.1, head: 2.4 })
      assert.equal(stages.length, stageCount)
      assert.equal(
        stages.reduce((sum, { denseLayers }) => sum + denseLayers, 0),
        3,
      )
      assert.equal(
        stages.reduce((sum, { moeLayers }) => sum + moeLayers, 0),
        59,
      )
      assert.ok(stages.every(({ denseLayers, moeLayers }) => denseLayers + moeLayers > 0))
      assert.ok(stages[0].hasEmbedding && stages.at(-1)!.hasHead)
    }
  })
  test('the slowest stage is as fast as an exhaustive search finds', () => {
    const small = { ...model, denseLayerCount: 1, layerCount: 6, mtpDepth: 0 }
    const costs = { dense: 3, moe: 1, mtp: 0, head: 2 }
    const weights = [3, 1, 1, 1, 1, 3]
    const best = (items: number[], parts: number): number =>
      parts === 1
        ? items.reduce((sum, item) => sum + item, 0)
        : Math.min(
            ...items
              .slice(0, items.length - parts + 1)
              .map((_, at) => Math.max(best(items.slice(0, at + 1), 1), best(items.slice(at + 1), parts - 1))),
          )
    for (const parts of [1, 2, 3, 4, 6]) {
      const stages = splitStages(small, parts, costs)
      const slowest = Math.max(...stages.map(({ denseLayers, moeLayers, hasHead }) => denseLayers * 3 + moeLayers + (hasHead ? 2 : 0)))
      assert.equal(slowest, best(weights, parts), `${parts} stages`)
    }
  })
  test('a heavy last stage sets the limit, and the stages below it are even', () => {
    const stages = splitStages(model, 16, { dense: 0.7, moe: 1, mtp: 1.2, head: 4.2 })
    const sizes = stages.slice(1, -1).map(({ denseLayers, moeLayers }) => denseLayers + moeLayers)
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `layers a stage: ${sizes.join(' ')}`)
  })
  test('parameters of all stages add up to the model with its MTP module', () => {
    const stages = layoutStages(model, cluster, layout, efficiency)
    const parts = stages.map((stage) => stageParameters(model, stage, 1, true))
    const total = parts.reduce((sum, { shared, experts, vocabulary }) => sum + shared + experts + vocabulary, 0)
    assert.equal(total, 671_026_419_200 + 11_610_068_224)
  })
  test('a DualPipe rank holds a stage and its mirror image', () => {
    const stages = layoutStages(model, cluster, layout, efficiency)
    assert.deepEqual(stagesOfRanks(layout, stages)[3], [stages[3], stages[12]])
  })
})

describe('memory', () => {
  const stages = layoutStages(model, cluster, layout, efficiency)
  test('every saving saves, and switching one off costs what is said', () => {
    const worth = savingsWorth(model, cluster, layout, stages)
    for (const [name, bytes] of Object.entries(worth)) {
      const savings = { ...layout.savings, [name]: false }
      const without = memoryPlan(model, cluster, { ...layout, savings }, stages).total
      assert.ok(bytes > 0, name)
      assert.ok(Math.abs(without - memoryPlan(model, cluster, layout, stages).total - bytes) < 1)
    }
  })
  test('components add up to the total', () => {
    const { total, weights, gradients, masters, moments, ema, activations, logits, communicationBuffers } = plan.memory
    assert.equal(total, weights + gradients + masters + moments + ema + activations + logits + communicationBuffers)
  })
  test('a MoE layer is priced as experts visited, not as dense', () => {
    const one = keptBytes(keptTensors({ ...model, activeExpertCount: 1 }, layout, 'moe'))
    const eight = keptBytes(keptTensors(model, layout, 'moe'))
    const perExpert = (model.width + 2 * model.expertFfnWidth) * (1 + 4 / 128)
    assert.ok(Math.abs(eight - one - 7 * perExpert) < 1e-6)
  })
  test('1F1B keeps less on later ranks, DualPipe the same on all', () => {
    const oneWay = { ...layout, schedule: '1f1b' } as const
    assert.equal(memoryPlan(model, cluster, oneWay, stages).liveChunks, 16 - memoryPlan(model, cluster, oneWay, stages).rank)
    assert.equal(memoryPlan(model, cluster, layout, stages).liveChunks, 17)
  })
})

describe('what cannot be planned', () => {
  test('every violation is named at once', () => {
    const bad = { ...layout, pipelineRanks: 15, expertRanks: 48, sequenceLength: 1_000_000 }
    assert.equal(layoutViolations(model, cluster, bad).length, 3)
    assert.throws(
      () => planTraining({ name: 'x', model, cluster, layout: bad, tokens: -1 }),
      (error: unknown) => error instanceof UsageError && /4 things/.test(error.message),
    )
  })
  test('odd ranks for DualPipe, too few micro-batches, fractions and NaN', () => {
    const violations = (change: object) => layoutViolations(model, cluster, { ...layout, ...change }).join('\n')
    assert.match(violations({ pipelineRanks: 1, batchSequences: 16_384 }), /even number/)
    assert.match(violations({ batchSequences: 1280 }), /at least 2 x ranks = 32, got 10/)
    assert.match(violations({ batchSequences: 15_361 }), /multiple of data ranks/)
    assert.match(violations({ expertRanks: 0.5, microbatchSequences: Number.NaN }), /expertRanks.*\n.*microbatchSequences/)
  })
  test('a model that does not fit: what binds, and by how much', () => {
    const savings = { ...layout.savings, fp8ActivationCache: false }
    assert.throws(
      () => planTraining({ name: 'x', model, cluster, layout: { ...layout, savings }, tokens }),
      /needs 8\d\.\d GiB, 1\d\.\d GiB more than the 70\.8 GiB that H800 offers: activations/,
    )
  })
  test('a count that is none does not hide what is wrong elsewhere', () => {
    const found = layoutViolations(model, cluster, { ...layout, pipelineRanks: 0, expertRanks: 3, sequenceLength: 1e6 })
    assert.deepEqual(
      found.map((line) => line.split(':')[0]),
      ['layout.pipelineRanks', 'layout.expertRanks', 'layout.sequenceLength'],
    )
  })
  test('efficiency inputs out of range', () => {
    const broken = { ...efficiency, gemmShare: 0, communicationSmShare: 1 }
    assert.throws(
      () => planTraining({ name: 'x', model, cluster, layout, tokens, efficiency: broken }),
      /gemmShare.*\n.*communicationSmShare/,
    )
    const beyondPeak = { ...efficiency, gemmShare: 1.01, coreShare: 7, linkShare: 1.5 }
    assert.throws(
      () => planTraining({ name: 'x', model, cluster, layout, tokens, efficiency: beyondPeak }),
      /3 things are wrong.*at most 1, got 1.01/s,
    )
  })
})

test('with nothing to send an overlapped pair is its compute', () => {
  const silent = { dispatchForward: 0, combineForward: 0, combineBackward: 0, dispatchBackward: 0 }
  const pair = overlapPair({ ...publicTrace, ...silent }, { forwardLayerCount: 4, backwardLayerCount: 4 })
  assert.ok(Math.abs(pair.duration - 4 * 29.5e-3) < 1e-12)
})
