/**
 * The model cut into pipeline stages: consecutive layers, so that the slowest stage is as fast as possible, and under that
 * limit the others as even as a walk from the front makes them.
 *
 * MTP modules are layers behind the last one; the embedding goes to the first stage, the head (passed once by the main
 * model and once by each MTP module) to the last. How the published run split 61 + 1 layers over 16 stages is not known;
 * this rule is ours.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { attentionParametersPerLayer } from '../../architecture/counts.ts'

export interface Stage {
  readonly denseLayers: number
  /** MoE layers, MTP's included. */
  readonly moeLayers: number
  readonly mtpModules: number
  readonly hasEmbedding: boolean
  readonly hasHead: boolean
}

/** What a layer and the rest cost, in any unit of time. */
export interface BlockCosts {
  readonly dense: number
  readonly moe: number
  readonly mtp: number
  /** All passes through the head. */
  readonly head: number
}

type Block = 'dense' | 'moe' | 'mtp'

/**
 * @param stageCount at most layers + MTP modules
 * @returns stages in order, each with at least one layer
 */
export function splitStages(model: ModelConfig, stageCount: number, costs: BlockCosts): Stage[] {
  const blocks: Block[] = [
    ...Array.from({ length: model.denseLayerCount }, () => 'dense' as const),
    ...Array.from({ length: model.layerCount - model.denseLayerCount }, () => 'moe' as const),
    ...Array.from({ length: model.mtpDepth }, () => 'mtp' as const),
  ]
  const costOf = (block: Block, index: number) => costs[block] + (index === blocks.length - 1 ? costs.head : 0)
  const blockCosts = blocks.map(costOf)
  const ends = evenEnds(blockCosts, stageCount, smallestLimit(blockCosts, stageCount))
  let start = 0
  return ends.map((end, index) => {
    const inside = blocks.slice(start, end)
    start = end
    const count = (kind: Block) => inside.filter((block) => block === kind).length
    return {
      denseLayers: count('dense'),
      moeLayers: count('moe') + count('mtp'),
      mtpModules: count('mtp'),
      hasEmbedding: index === 0,
      hasHead: index === stageCount - 1,
    }
  })
}

/** The smallest limit that no part has to exceed, by bisection. */
function smallestLimit(costs: readonly number[], partCount: number): number {
  let low = Math.max(...costs)
  let high = costs.reduce((sum, cost) => sum + cost, 0)
  if (partsNeeded(costs, low)[0] <= partCount) return low
  for (let round = 0; round < 50; round++) {
    const middle = (low + high) / 2
    if (partsNeeded(costs, middle)[0] <= partCount) high = middle
    else low = middle
  }
  return high
}

const fits = (sum: number, limit: number) => sum <= limit * (1 + 1e-12)

/** From each item to the end: parts that it takes when every part is filled up to `limit`. */
function partsNeeded(costs: readonly number[], limit: number): Int32Array {
  const needed = new Int32Array(costs.length + 1)
  let end = costs.length
  let sum = 0
  for (let at = costs.length - 1; at >= 0; at--) {
    sum += costs[at]
    while (!fits(sum, limit) && end > at + 1) sum -= costs[--end]
    needed[at] = 1 + needed[end]
  }
  return needed
}

/**
 * Ends of the parts: each takes items until it is nearest to the mean of what is left, but never more than `limit`, never
 * so few that those behind could not keep to it, and always leaving one item for each of them.
 */
function evenEnds(costs: readonly number[], partCount: number, limit: number): number[] {
  const needed = partsNeeded(costs, limit)
  let left = costs.reduce((sum, cost) => sum + cost, 0)
  let at = 0
  return Array.from({ length: partCount }, (_, part) => {
    const partsBehind = partCount - part - 1
    const last = costs.length - partsBehind
    const mean = left / (partsBehind + 1)
    let sum = costs[at++]
    while (at < last && (needed[at] > partsBehind || (sum + costs[at] / 2 <= mean && fits(sum + costs[at], limit)))) sum += costs[at++]
    left -= sum
    return at
  })
}

/** Parameters of one device that holds one chunk, experts apart because their copies are fewer. */
export interface StageParameters {
  /** Attention, norms, router, shared and dense FFNs, MTP's projection. */
  readonly shared: number
  /** Routed experts of this device. */
  readonly experts: number
  /** Embedding and head rows held here; `vocabularyCopies` with MTP's own copies when they are not shared. */
  readonly vocabulary: number
}

/**
 * @param expertRanks        devices that share the routed experts
 * @param isVocabularyShared whether MTP uses the main model's embedding and head
 */
export function stageParameters(model: ModelConfig, stage: Stage, expertRanks: number, isVocabularyShared: boolean): StageParameters {
  const { width: D, expertCount, sharedExpertCount, expertFfnWidth, denseFfnWidth, vocabSize, gate } = model
  const layers = stage.denseLayers + stage.moeLayers
  const expert = 3 * D * expertFfnWidth
  const router = expertCount * (D + (gate === 'sigmoid' ? 1 : 0))
  const finalNorm = stage.hasHead ? D : 0
  const shared =
    layers * (attentionParametersPerLayer(model) + 2 * D) +
    stage.denseLayers * 3 * D * denseFfnWidth +
    stage.moeLayers * (router + sharedExpertCount * expert) +
    stage.mtpModules * (2 * D * D + 3 * D) +
    finalNorm
  const own = (stage.hasEmbedding ? 1 : 0) + (stage.hasHead ? 1 : 0)
  const copies = isVocabularyShared ? own : own + 2 * stage.mtpModules
  return { shared, experts: (stage.moeLayers * expertCount * expert) / expertRanks, vocabulary: copies * vocabSize * D }
}
