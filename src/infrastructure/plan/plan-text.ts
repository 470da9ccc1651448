/**
 * A plan as text to be read from top to bottom: model, memory, traffic, schedule, step, run, serving. Every paragraph
 * says what it takes from those before and what it leaves for those after.
 */
import { cacheEquivalents } from '../../architecture/counts-per-token.ts'
import { formatBytes, formatCount, formatShare } from '../../base/format.ts'
import { nodeCountOf } from '../cluster/clusters.ts'
import { catalogue } from '../schedules/catalogue.ts'
import { efficiencySources, type Efficiency } from './efficiency.ts'
import { bindingComponent, memoryLimit, savingsWorth } from './memory.ts'
import { counted, figure, thousands } from './figures.ts'
import { layoutName } from './layout.ts'
import { comparePublishedRun, isPublishedRun } from './published-run.ts'
import { publishedServing, type ServingPlan } from './serving.ts'
import type { TrainingPlan } from './training-plan.ts'

const lineWidth = 100

/**
 * @param plan    from `planTraining`
 * @param serving from `planServing`, or the reason why there is none
 * @param layoutSource where the layout comes from, as in "the published layout"
 */
export function planText(plan: TrainingPlan, serving: ServingPlan | string, layoutSource: string): string {
  const { cluster, name } = plan
  const price = cluster.dollarsPerDeviceHour === null ? '' : `, $${cluster.dollarsPerDeviceHour} a device-hour`
  const network = cluster.topology ? `, ${cluster.topology.name}` : ''
  return [
    `${name} on ${cluster.name}: ${cluster.deviceCount} x ${cluster.device.name} in ${counted(nodeCountOf(cluster), 'node')}${network}${price}`,
    `Layout: ${layoutSource}: ${layoutName(plan.layout)}, ${thousands(plan.layout.batchSequences)} sequences of ${thousands(plan.layout.sequenceLength)} tokens a step`,
    paragraph('Model', modelText(plan)),
    paragraph('Memory', memoryText(plan)),
    paragraph('Traffic', trafficText(plan)),
    paragraph('Schedule', scheduleText(plan)),
    paragraph('Step', stepText(plan)),
    paragraph('Run', runText(plan)),
    paragraph('Serving', typeof serving === 'string' ? `No serving plan: ${serving}` : servingText(plan, serving)),
    ...(isPublishedRun(plan) ? [publishedText(plan)] : []),
    efficiencyText(plan.efficiency),
  ]
    .join('\n\n')
    .replace('\n\nLayout: ', '\nLayout: ')
}

function modelText({ parameters, flopsPerToken, layout, checkpoint, cacheBytesPerToken, model }: TrainingPlan): string {
  const { mha, mla } = cacheEquivalents(model)
  const mtp = parameters.mtp.unique > 0 ? ` MTP adds ${formatCount(parameters.mtp.unique)} for training and drafts.` : ''
  return (
    `${formatCount(parameters.total)} parameters, ${formatCount(parameters.activated)} of them multiplied with each token (the head counted, the input embedding not).${mtp} ` +
    `A token of a ${layout.sequenceLength}-token row costs ${giga(flopsPerToken.causal)} GFLOP to train (${giga(flopsPerToken.full)} with the whole square of scores), ` +
    `and ${thousands(cacheBytesPerToken)} bytes of cache to serve, ${(mha / mla).toFixed(0)} times less than full heads would. ` +
    `In the FP8 format of V3's release it is ${thousands(checkpoint.tensors)} tensors of ${formatBytes(checkpoint.bytes)}. ` +
    `It hands on how much must be held, how much computed, and that a token visits ${model.activeExpertCount} of ${model.expertCount} experts.`
  )
}

function memoryText(plan: TrainingPlan): string {
  const { memory, layout, counts, cluster, efficiency, model, step } = plan
  const limit = memoryLimit(cluster, efficiency)
  const worth = savingsWorth(model, cluster, layout, step.stages)
  const savings = Object.entries(worth)
    .filter(([name, bytes]) => bytes > 0 && layout.savings[name as keyof typeof worth])
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${words(name)} ${formatBytes(bytes)}`)
  const saved = savings.length > 0 ? ` Without its savings it would need more, one at a time: ${savings.join('; ')}.` : ''
  const over = layout.expertRanks > 1 ? `, ${layout.expertRanks} devices sharing the experts of a stage` : ''
  return (
    `To hold that, the model is cut into ${counted(counts.stageCount, 'stage')} over ${counted(layout.pipelineRanks, 'pipeline rank')}${over}, and ${counted(counts.dataRanks, 'device')} ${counts.dataRanks === 1 ? 'works' : 'work'} on each stage; ` +
    `${layout.schedule === 'dualpipe' ? 'every rank holds two stages' : 'optimizer states are divided over the copies'}. ` +
    `The fullest device (rank ${memory.rank}) holds ${formatCount(memory.parameters)} parameters and needs ${formatBytes(memory.total)} of ${formatBytes(limit)}: ` +
    `weights ${formatBytes(memory.weights)}, gradients ${formatBytes(memory.gradients)}, masters ${formatBytes(memory.masters)}, moments ${formatBytes(memory.moments)}, ` +
    `activations ${formatBytes(memory.activations)} (${counted(memory.liveChunks, 'live chunk')}), buffers ${formatBytes(memory.communicationBuffers + memory.logits + memory.ema)}. ` +
    `What binds is ${words(bindingComponent(memory))}.${saved} ` +
    `It hands on a micro-batch of ${thousands(counts.microbatchTokens)} tokens and experts on ${counted(layout.expertRanks, 'device')}.`
  )
}

function trafficText({ traffic, routing, layout, counts, cluster }: TrainingPlan): string {
  if (layout.expertRanks === 1)
    return 'Experts are where their tokens are: nothing is dispatched, only gradients and pipeline states travel.'
  const { dispatch, combine, pointToPoint } = traffic
  const spread =
    counts.nodesPerExpertGroup > 1
      ? `Experts on ${Math.ceil(counts.nodesPerExpertGroup)} nodes mean that a token travels to ${routing.nodesPerToken.toFixed(2)} nodes on average and ${routing.nodeLimit} at most (${routing.source}). ` +
        `Sent once a node instead of once an expert, a token is ${thousands(dispatch.networkBytesPerToken)} bytes out and ${thousands(combine.networkBytesPerToken)} back in each MoE layer, ${formatShare(1 - dispatch.networkBytesPerToken / dispatch.networkBytesPerTokenUndeduplicated)} less; `
      : `Experts stay inside a node: a token travels to ${routing.devicesPerToken.toFixed(2)} devices on average (${routing.source}), ${thousands(dispatch.linkBytesPerToken)} bytes out and ${thousands(combine.linkBytesPerToken)} back in each MoE layer; `
  return (
    `${spread}alone, dispatch takes ${ms(dispatch.seconds)} and combine ${ms(combine.seconds)} a layer and micro-batch, bound by the ${dispatch.boundBy}. ` +
    `A chunk's states go to the next rank in ${ms(pointToPoint.seconds)}. In a step each device sends ${formatBytes(traffic.networkBytesPerStep)} over its ${(cluster.networkBytesPerSecond / 1e9).toFixed(0)} GB/s card. ` +
    `It hands on ${ms(dispatch.seconds + combine.seconds)} of communication for every layer's compute: that is what the schedule has to hide.`
  )
}

function scheduleText({ step, layout, counts }: TrainingPlan): string {
  const { title, bubble, bubbleFormula } = catalogue[layout.schedule]
  const { forward, backwardInput, weight, overlapped } = step.chunk
  const formula = bubble(layout.pipelineRanks, { forward, backward: backwardInput + weight, weight, overlapped })
  const hides = layout.schedule.startsWith('dual')
    ? `An overlapped forward and backward take ${ms(overlapped)}, where one after the other takes ${ms(forward + backwardInput + weight)}. `
    : 'Nothing overlaps communication with compute here, so all of it is exposed. '
  return (
    `${title} runs ${thousands(counts.microbatchCount)} micro-batch${counts.microbatchCount === 1 ? '' : 'es'} over ${counted(layout.pipelineRanks, 'rank')}. A middle chunk takes ${ms(forward)} forward, ${ms(backwardInput)} back for inputs and ${ms(weight)} for weights when alone. ${hides}` +
    `Equal stages would idle ${seconds(formula)} a step, ${bubbleFormula}; simulated with the stages as they are (head and MTP on the last) the mean rank idles ${seconds(step.bubbleSeconds)}, and ${seconds(step.exposedSeconds)} of communication stay visible. ` +
    `It hands on ${seconds(step.pipelineSeconds)} from the first forward to the last weight gradient.`
  )
}

function stepText({ step, run, counts, cluster }: TrainingPlan): string {
  return (
    `With ${seconds(step.optimizerSeconds)} for gradients, update and new weights, a step of ${thousands(counts.tokensPerStep)} tokens takes ${seconds(step.seconds)}: ` +
    `${formatCount(run.tokensPerDay)} tokens a day, ${(run.flopsPerDeviceCausal / 1e12).toFixed(0)} TFLOP/s a device, MFU ${formatShare(run.mfuCausal)} counted causally (${formatShare(run.mfuFull)} with the whole square) of the BF16 peak (${cluster.device.name}).`
  )
}

function runText({ run, tokens, cluster }: TrainingPlan): string {
  const cost =
    run.dollars === null
      ? 'no price is known for this cluster'
      : `$${(run.dollars / 1e6).toFixed(3)}M at $${cluster.dollarsPerDeviceHour} a device-hour`
  return (
    `${formatCount(tokens)} tokens are ${thousands(run.steps)} steps of the full batch, ${(run.seconds / 86_400).toFixed(1)} days, ${formatCount(run.deviceHours)} device-hours ` +
    `(${formatCount(run.deviceHoursPerTrillionTokens)} a trillion tokens): ${cost}. Restarts, evaluation and the smaller batches of a ramp come on top.`
  )
}

function servingText(plan: TrainingPlan, { prefill, decode }: ServingPlan): string {
  const beside = plan.name === 'deepseek-v3' ? ` ${measuredText()}` : ''
  return (
    `The cache of the first paragraph decides here. Prefill on ${counted(prefill.deployment.devices, 'device')} (${counted(prefill.deployment.redundantExperts, 'redundant expert')}) is bound by ${prefill.boundBy}: ${thousands(prefill.tokensPerSecondPerNode)} tokens/s a node. ` +
    `Decode on ${counted(decode.deployment.devices, 'device')} holds ${counted(decode.expertsPerDevice, 'routed expert')} each (${formatBytes(decode.weightBytesPerDevice)} of weights), leaves room for ${counted(decode.sequencesThatFit, 'sequence')} a device, ` +
    `and with ${decode.sequencesServed} of them is bound by ${decode.boundBy}: ${ms(decode.secondsPerToken)} a token, ${thousands(decode.tokensPerSecondPerSequence)} tokens/s for each sequence, ${thousands(decode.tokensPerSecondPerNode)} tokens/s a node.` +
    beside
  )
}

/** What was measured in production. */
function measuredText(): string {
  const { source, prefillTokensPerSecondPerNode, cachedShare, decodeTokensPerSecondPerNode, tokensPerSecondPerUser } = publishedServing
  return (
    `Measured in production on H800 (${source}): ${thousands(prefillTokensPerSecondPerNode)} prompt tokens/s a node, of which ${formatShare(cachedShare)} came from a cache on disk, so ${thousands(prefillTokensPerSecondPerNode * (1 - cachedShare))} computed; ` +
    `${thousands(decodeTokensPerSecondPerNode)} generated, at ${tokensPerSecondPerUser.join(' to ')} tokens/s a user. Those are means of a day with its quiet hours, ours are at full load.`
  )
}

function publishedText(plan: TrainingPlan): string {
  const rows = comparePublishedRun(plan).map(({ quantity, unit, ours, published, difference, why }) => {
    const numbers = `${figure(ours)} against ${figure(published)} ${unit}, ${difference >= 0 ? '+' : ''}${(difference * 100).toFixed(1)} %`
    return wrap(`${quantity}: ${numbers}: ${why}.`, '  - ', '    ')
  })
  return `Published run beside this plan\n${rows.join('\n')}`
}

function efficiencyText(efficiency: Efficiency): string {
  const rows = Object.entries(efficiencySources).map(([name, source]) => {
    const value = efficiency[name as keyof Efficiency]
    const shown =
      typeof value === 'number'
        ? figure(value)
        : Object.values(value)
            .map((passes) => passes.toFixed(0))
            .join('/')
    return wrap(`${words(name)} ${shown}: ${source}.`, '  - ', '    ')
  })
  return `Inputs that are not arithmetic (change them with --set efficiency.…)\n${rows.join('\n')}`
}

const paragraph = (title: string, text: string) => `${title}\n${wrap(text, '  ', '  ')}`

function wrap(text: string, first: string, rest: string): string {
  const lines: string[] = []
  let line = first
  let isEmpty = true
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > lineWidth) {
      lines.push(line)
      line = rest
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line].join('\n')
}

const giga = (flops: number) => figure(flops / 1e9)
const ms = (value: number) => `${figure(value * 1e3)} ms`
const seconds = (value: number) => (value >= 0.1 ? `${value.toFixed(2)} s` : value === 0 ? '0 s' : ms(value))
/** camelCase to words. */
const words = (name: string) => name.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase()
