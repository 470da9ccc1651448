/** Rows about the system: steps, cost, schedules, balancer, networks and serving. */
import { trainingFlopsPerToken } from '../../architecture/counts-per-token.ts'
import { presets } from '../../architecture/presets.ts'
import { rebalanceExperts } from '../balancer/rebalance.ts'
import { clusterNamed } from '../cluster/clusters.ts'
import { publishedTopologies } from '../cluster/topology.ts'
import { createSchedule, type ScheduleRequest } from '../schedules/catalogue.ts'
import { simulate, uniformTiming } from '../schedules/simulate.ts'
import { layoutCounts, publishedLayouts } from './layout.ts'
import { comparePublishedRun, headlineTolerance } from './published-run.ts'
import { communicationLimit } from './serving.ts'
import { planTraining } from './training-plan.ts'
import { exactRow, roundedRow, type ValidationRow } from './validation-row.ts'

/** Row number of predictions and tables that the facts list outside their numbered rows. */
const beyondTheList = 38

/** Rows 12 to 18, 21 to 23, 26 to 30 and 35 of the facts, then what the planner predicts of the published run. */
export function validationOfSystem(): ValidationRow[] {
  return [...stepRows(), ...scheduleRows(), ...balancerRows(), ...servingRows(), ...predictionRows(), ...topologyRows()]
}

function stepRows(): ValidationRow[] {
  const model = presets['deepseek-v3']
  const { cluster: clusterName, layout, tokens } = publishedLayouts['deepseek-v3']
  const cluster = clusterNamed(clusterName)
  const { tokensPerStep } = layoutCounts(layout, cluster)
  const tokensPerDay = (tokensPerStep * 86_400) / 19.926
  const perDevice = 272.8e9 / 86_400 / cluster.deviceCount
  const causal = perDevice * trainingFlopsPerToken(model, layout.sequenceLength, 'causal').total
  const full = perDevice * trainingFlopsPerToken(model, layout.sequenceLength, 'full').total
  const hoursPerTrillion = (cluster.deviceCount * 1e12) / (272.8e9 / 24)
  return [
    exactRow(12, 'tokens a step', '15360 x 4096', tokensPerStep, 62_914_560, '[V3]'),
    roundedRow(12, 'tokens a day, B', 'row 12 x 86400 / 19.926 s', tokensPerDay / 1e9, 272.8, '[ISCA]', 2e-4),
    roundedRow(13, 'TFLOP/s a GPU, causal', '272.8B tokens a day x row 9 / 2048', causal / 1e12, 385, '[ISCA]', 4e-3),
    roundedRow(13, 'TFLOP/s a GPU, whole square', 'the same with row 10', full / 1e12, 432, '[ISCA]', 4e-3),
    roundedRow(14, 'MFU, causal, %', 'row 13 / 989', (causal / cluster.device.peakFlops.bf16) * 100, 38.94, '[ISCA]', 4e-3),
    roundedRow(15, 'GPU-hours a trillion tokens, K', '2048 x 24 x 1e12 / 272.8e9', hoursPerTrillion / 1e3, 180, '[V3]', 2e-3),
    exactRow(16, 'pre-training GPU-hours, K', '180 x 14.8', (180 * tokens) / 1e12, 2664, '[V3]'),
    exactRow(17, 'total cost, $', '(2664 + 119 + 5) K x $2', (2664 + 119 + 5) * 1000 * cluster.dollarsPerDeviceHour!, 5_576_000, '[V3]'),
    exactRow(
      18,
      'tokens a step, 32K and 128K context',
      '1920 x 32768, 480 x 131072',
      `${1920 * 32_768}, ${480 * 131_072}`,
      '62914560, 62914560',
      '[V3]',
    ),
    exactRow(35, 'steps at full batch', '14.8e12 / row 12, rounded', Math.round(tokens / tokensPerStep), 235_240, '[V3]'),
  ]
}

function scheduleRows(): ValidationRow[] {
  const durations = { forward: 1, backward: 2, weight: 1, overlapped: 3 }
  const run = (request: ScheduleRequest, overlapped = 3) => {
    const schedule = createSchedule(request)
    return simulate(schedule, uniformTiming(schedule.stageCount, { ...durations, overlapped }))
  }
  const dualPipe = run({ name: 'dualpipe', rankCount: 8, microbatchCount: 20 })
  const formula = '(P/2-1)(F&B+B-3W), simulated, P 8, M 20'
  return [
    exactRow(21, 'DualPipe bubble', formula, dualPipe.maxIdle, 6, '[V3] table 2'),
    exactRow(
      21,
      '1F1B bubble',
      '(P-1)(F+B), simulated',
      run({ name: '1f1b', rankCount: 8, microbatchCount: 20 }).maxIdle,
      21,
      '[V3] table 2',
    ),
    exactRow(
      21,
      'ZB1P bubble',
      '(P-1)(F+B-2W), simulated',
      run({ name: 'zb1p', rankCount: 8, microbatchCount: 20 }).maxIdle,
      7,
      '[V3] table 2',
    ),
    exactRow(21, 'DualPipe makespan', formula, dualPipe.makespan, 66, '[DualPipe]'),
    exactRow(
      21,
      'DualPipe makespan, F&B 2.5',
      formula,
      run({ name: 'dualpipe', rankCount: 8, microbatchCount: 20 }, 2.5).makespan,
      59,
      '[DualPipe]',
    ),
    exactRow(
      22,
      'DualPipe live chunks',
      'P + 1, simulated on every rank',
      dualPipe.peakActivations.join(' '),
      '9 9 9 9 9 9 9 9',
      '[V3] table 2',
    ),
  ]
}

function balancerRows(): ValidationRow[] {
  const loads = [
    [90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86],
    [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27],
  ]
  const placements = rebalanceExperts(loads, { replicaCount: 16, groupCount: 4, nodeCount: 2, deviceCount: 8 })
  const expected = ['5 6 5 7 8 4 3 4 10 9 10 2 0 1 11 1', '7 10 6 8 6 11 8 9 2 4 5 1 5 0 3 1']
  return placements.map(({ logicalOfPhysical }, layer) =>
    exactRow(
      23,
      `balancer example, layer ${layer}`,
      '12 experts, 16 slots, 4 groups, 2 nodes, 8 GPUs',
      logicalOfPhysical.join(' '),
      expected[layer],
      '[EPLB]',
    ),
  )
}

function servingRows(): ValidationRow[] {
  const sizes = { tokens: 32, destinations: 9, width: 7000, layerCount: 61 }
  const infiniband = communicationLimit(sizes, 50e9)
  const nvl72 = communicationLimit(sizes, 900e9)
  const formula = '(1+2) x 32 x 9 x 7000 / 50 GB/s'
  const costPerDay = 226.75 * 8 * 24 * 2
  const income = (342e9 * 0.14 + 266e9 * 0.55 + 168e9 * 2.19) / 1e6
  return [
    exactRow(26, 'EP exchange, us', formula, infiniband.layerSeconds * 1e6, 120.96, '[ISCA]', 2),
    exactRow(26, 'EP layer, two micro-batches, us', `2 x ${formula}`, infiniband.layerSeconds * 2e6, 241.92, '[ISCA]', 2),
    exactRow(26, 'time an output token, ms', '61 layers', infiniband.secondsPerToken * 1e3, 14.76, '[ISCA]', 2),
    roundedRow(26, 'tokens/s', '1 / time a token', infiniband.tokensPerSecond, 67, '[ISCA]', 0.012),
    exactRow(26, 'EP exchange on NVL72, us', 'the same at 900 GB/s', nvl72.layerSeconds * 1e6, 6.72, '[ISCA]', 2),
    exactRow(26, 'time an output token on NVL72, ms', '61 layers', nvl72.secondsPerToken * 1e3, 0.82, '[ISCA]', 2),
    exactRow(27, 'serving cost a day, $', '226.75 nodes x 8 x 24 h x $2', costPerDay, 87_072, '[OII]'),
    roundedRow(
      28,
      'serving income a day, $',
      '342B x 0.14 + 266B x 0.55 + 168B x 2.19 a million',
      income,
      562_027,
      '[OII], token counts rounded',
      2e-4,
    ),
    roundedRow(29, 'margin, %', '562027 / 87072 - 1', (562_027 / costPerDay - 1) * 100, 545, '[OII]', 1e-3),
    roundedRow(30, 'prompt tokens from the cache, %', '342 / 608', (342 / 608) * 100, 56.3, '[OII]', 1e-3),
  ]
}

function predictionRows(): ValidationRow[] {
  const { cluster, layout, tokens } = publishedLayouts['deepseek-v3']
  const plan = planTraining({ name: 'deepseek-v3', model: presets['deepseek-v3'], cluster: clusterNamed(cluster), layout, tokens })
  return comparePublishedRun(plan)
    .filter(({ isHeadline }) => isHeadline)
    .map(({ quantity, unit, ours, published, why }) =>
      roundedRow(beyondTheList, `predicted ${quantity}, ${unit}`, why, ours, published, '[ISCA] table 4, [V3]', headlineTolerance),
    )
}

function topologyRows(): ValidationRow[] {
  const expected = ['2048/96/2048', '16384/768/16384', '65536/5120/131072', '32928/1568/32928', '261632/16352/384272']
  return publishedTopologies.map(({ topology: { name, endpoints, switches, links } }, index) =>
    exactRow(
      beyondTheList,
      name,
      'endpoints/switches/links of 64-port switches',
      `${endpoints}/${switches}/${links}`,
      expected[index],
      '[ISCA] table 3',
    ),
  )
}
