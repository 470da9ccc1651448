/** A model in numbers, as a table for people: what `strata inspect` prints. */
import type { ComponentCounts, ModelConfig, ModelDescription } from '../architecture/index.ts'
import { countParameters, decodeFlopsPerToken } from '../architecture/index.ts'
import { formatBytes, formatShare } from '../base/format.ts'
import { formatTable } from './table.ts'

const words: Readonly<Record<keyof ComponentCounts, string>> = {
  embedding: 'embedding',
  head: 'output head',
  attention: 'attention (MLA)',
  denseFfn: 'dense FFN',
  routedExperts: 'routed experts',
  sharedExperts: 'shared experts',
  router: 'router',
  norms: 'norms',
}

const right = (title: string) => ({ title, align: 'right' as const })

/** Weights by component, and what a token activates of each. */
function componentTable(config: ModelConfig): string {
  const { total, activated, byComponent, activatedByComponent, mtp } = countParameters(config)
  const names = Object.keys(words) as (keyof ComponentCounts)[]
  const rows = names
    .filter((name) => byComponent[name] > 0)
    .map((name) => [
      words[name],
      byComponent[name].toLocaleString('en'),
      formatShare(byComponent[name] / total),
      activatedByComponent[name].toLocaleString('en'),
    ])
  rows.push(['total', total.toLocaleString('en'), formatShare(1), activated.toLocaleString('en')])
  if (mtp.unique > 0) {
    const modules = config.mtpDepth === 1 ? 'MTP module, on top' : `${config.mtpDepth} MTP modules, on top`
    rows.push([modules, mtp.unique.toLocaleString('en'), '', mtp.activated.withHead.toLocaleString('en')])
    rows.push([config.mtpDepth === 1 ? 'total with it' : 'total with them', (total + mtp.unique).toLocaleString('en'), '', ''])
  }
  return formatTable([{ title: 'parameters' }, right('all'), right('share'), right('a token activates')], rows)
}

/** What the cache keeps of a token, beside attention without latents of the same heads. */
function cacheTable({ headCount }: ModelConfig, { kvCacheElementsPerToken: cache }: ModelDescription): string {
  const row = (name: string, elements: number) => [
    name,
    elements.toLocaleString('en'),
    formatBytes(2 * elements),
    `${(elements / cache.mla).toFixed(2)} x`,
  ]
  const rows = [
    row('MLA: latent and rope key', cache.mla),
    row(`MHA: ${headCount} heads`, cache.mha),
    row(`GQA: ${Math.min(8, headCount)} key-value heads`, cache.gqa),
    row('MQA: one key-value head', cache.mqa),
  ]
  return formatTable([{ title: 'cache of a token' }, right('numbers'), right('in BF16'), right('')], rows)
}

/** FLOPs of a token, trained and generated. */
function flopsTable(config: ModelConfig, { trainingFlopsPerToken: { length, causal, causalWithMtp } }: ModelDescription): string {
  const [unit, size] = causal < 1e9 ? (['MFLOP', 1e6] as const) : (['GFLOP', 1e9] as const)
  const inUnit = (flops: number) => String(Number((flops / size).toPrecision(3)))
  const rows = [
    [`training, rows of ${length.toLocaleString('en')} tokens`, inUnit(causal)],
    ...(causalWithMtp > causal ? [['training with multi-token prediction', inUnit(causalWithMtp)]] : []),
    [`generation, ${length.toLocaleString('en')} tokens in the cache`, inUnit(decodeFlopsPerToken(config, length))],
  ]
  return formatTable([{ title: 'work for a token' }, right(unit)], rows)
}

/** The sizes in words: the shape of the trunk, attention, experts. */
function shapeLines(config: ModelConfig): string[] {
  const { gate, queryRank, yarn } = config
  const moeLayerCount = config.layerCount - config.denseLayerCount
  const query = queryRank === null ? 'queries not compressed' : `query rank ${queryRank}`
  const groups = config.groupCount > 1 ? ` in ${config.activeGroupCount} of ${config.groupCount} groups` : ''
  const shared = config.sharedExpertCount > 0 ? `, ${config.sharedExpertCount} shared` : ''
  const length = `${config.maxLength.toLocaleString('en')} tokens${yarn ? ` (YaRN, ${yarn.factor} x ${yarn.originalLength.toLocaleString('en')})` : ''}`
  return [
    `width ${config.width}, ${config.layerCount} layers (${config.denseLayerCount} dense, ${moeLayerCount} of experts), vocabulary ${config.vocabSize.toLocaleString('en')}, context ${length}`,
    `attention: ${config.headCount} heads of ${config.nopeWidth} + ${config.ropeWidth} rotated, values of ${config.valueWidth}; ${query}, key-value rank ${config.keyValueRank}`,
    `experts: ${config.activeExpertCount} of ${config.expertCount}${groups}${shared}, each ${config.expertFfnWidth} wide; ${gate} gate`,
  ]
}

/**
 * The text of a model.
 *
 * @param config      sizes
 * @param description what follows from them, as `describeModel` says it
 */
export function modelText(config: ModelConfig, description: ModelDescription): string {
  const tables = [componentTable(config), cacheTable(config, description), flopsTable(config, description)]
  return [shapeLines(config).join('\n'), ...tables].join('\n\n')
}
