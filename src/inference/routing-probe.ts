/**
 * Where tokens go: the trained router's own decisions on held-out text, counted under several group limits.
 *
 * A group of experts lives on one node of the published run, so the groups that a token visits in a layer are the copies of
 * it that cross the network. The same rows are routed with a limit of one group, of every power of two, of all of them, and
 * once without the selection biases; weights are never changed but for those biases, which are put back. Losses are paired
 * row by row with those of the model as it was trained. Source: DeepSeek-V3 report, sections 2.1.2 and 3.2.2. Claims:
 * sequence.routing-to-traffic, sequence.schedule-to-inference, architecture.constrained-routing.
 */
import { mean, pairedDifference } from '../base/statistics.ts'
import { type Batch, type Model, policyLosses } from '../architecture/index.ts'

/** Decisions of all MoE layers of the main model on the same tokens, under one limit. */
export interface RoutingEvent {
  readonly type: 'inference/routing'
  readonly stage: string
  /** Groups that a token might visit. */
  readonly activeGroupCount: number
  /** Whether this is the limit that the model was trained with, biases in place. */
  readonly isAsTrained: boolean
  /** Whether the selection biases took part. */
  readonly hasBias: boolean
  /** Tokens that were routed, and the rows in which they stood. */
  readonly tokens: number
  readonly rows: number
  readonly lossNats: number
  /** Loss minus that of the model as trained, mean over rows, and half its 95 % interval; null for itself and for one row. */
  readonly addedNats: number | null
  readonly plusMinus: number | null
  /** Layer numbers of what follows, the dense ones left out. */
  readonly layers: readonly number[]
  /** Once for each way to cut the experts, in order, into nodes of equal size: how many of them a token visits, layer by layer. */
  readonly visits: readonly { readonly nodeCount: number; readonly perTokenByLayer: readonly number[] }[]
}

/** What one forward pass over all rows found. */
interface Counted {
  /** visits[n][layer]: nodes visited, summed over tokens, for the n-th way to cut. */
  readonly visits: readonly Float64Array[]
  readonly lossOfRow: readonly number[]
  readonly tokens: number
}

/**
 * Routes rows under every limit.
 *
 * @param batches held-out rows, every one with a target at each position
 * @param stage   what the event says that the model has been through
 * @returns one event for each limit, the trained one first, and one without biases where there are any
 */
export function probeRouting(model: Model, batches: readonly Batch[], stage: string): RoutingEvent[] {
  const { config } = model
  const moeLayerCount = config.layerCount - config.denseLayerCount
  if (moeLayerCount < 1 || batches.length === 0) return []
  const nodeCounts = divisors(config.expertCount).filter((count) => count > 1)
  const trained = countVisits(model, batches, nodeCounts)
  const eventOf = (activeGroupCount: number, hasBias: boolean, counted: Counted): RoutingEvent => {
    const isAsTrained = counted === trained
    const rows = counted.lossOfRow.length
    const added = isAsTrained || rows < 2 ? null : pairedDifference(counted.lossOfRow, trained.lossOfRow)
    return {
      type: 'inference/routing',
      stage,
      activeGroupCount,
      isAsTrained,
      hasBias,
      tokens: counted.tokens,
      rows,
      lossNats: mean(counted.lossOfRow),
      addedNats: added && added.value,
      plusMinus: added && (added.high - added.low) / 2,
      layers: Array.from({ length: moeLayerCount }, (_, index) => config.denseLayerCount + index),
      visits: nodeCounts.map((nodeCount, n) => ({
        nodeCount,
        perTokenByLayer: Array.from(counted.visits[n], (visits) => visits / counted.tokens),
      })),
    }
  }
  const isBiased = config.gate === 'sigmoid'
  const events = [eventOf(config.activeGroupCount, isBiased, trained)]
  for (const limit of otherLimits(model)) {
    const limited = { ...model, config: { ...config, activeGroupCount: limit } }
    events.push(eventOf(limit, isBiased, countVisits(limited, batches, nodeCounts)))
  }
  if (isBiased) {
    const without = withoutBiases(model, () => countVisits(model, batches, nodeCounts))
    events.push(eventOf(config.activeGroupCount, false, without))
  }
  return events
}

/** 1, 2, 4, … and all groups, those that leave room for every active expert, the trained limit left out. */
function otherLimits({ config }: Model): number[] {
  const { groupCount, expertCount, activeExpertCount, activeGroupCount } = config
  const limits: number[] = []
  for (let limit = 1; limit < groupCount; limit *= 2) limits.push(limit)
  return [...limits, groupCount].filter((limit) => limit !== activeGroupCount && (limit * expertCount) / groupCount >= activeExpertCount)
}

function countVisits(model: Model, batches: readonly Batch[], nodeCounts: readonly number[]): Counted {
  const { machine, config } = model
  const { expertCount: E, activeExpertCount: A, denseLayerCount, layerCount } = config
  const visits = nodeCounts.map(() => new Float64Array(layerCount - denseLayerCount))
  const lossOfRow: number[] = []
  let tokens = 0
  for (const batch of batches) {
    using _scope = machine.scope()
    const { loss_M, routers } = policyLosses(model, batch, (_loss, _from, weight) => void weight.fill(0))
    const losses = loss_M.data
    for (let row = 0; row < batch.rows; row++) lossOfRow.push(mean(losses.subarray(row * batch.length, (row + 1) * batch.length)))
    for (const [layer, { expert_MA }] of routers.entries()) {
      const experts = expert_MA.data
      for (const [n, nodeCount] of nodeCounts.entries()) visits[n][layer] += distinctNodes(experts, A, E / nodeCount)
    }
    tokens += batch.rows * batch.length
  }
  return { visits, lossOfRow, tokens }
}

/** Different nodes of every token's experts, summed over tokens. @param experts A ids a token @param nodeSize experts of a node */
function distinctNodes(experts: ArrayLike<number>, A: number, nodeSize: number): number {
  let count = 0
  const seen = new Set<number>()
  for (let first = 0; first < experts.length; first += A) {
    seen.clear()
    for (let a = 0; a < A; a++) seen.add(Math.floor(experts[first + a] / nodeSize))
    count += seen.size
  }
  return count
}

const divisors = (value: number) => Array.from({ length: value }, (_, index) => index + 1).filter((divisor) => value % divisor === 0)

/** Does `work` with all selection biases at zero, and puts them back. */
function withoutBiases<T>({ parameters }: Model, work: () => T): T {
  const kept = parameters.biases.map(({ tensor }) => tensor.toArray())
  for (const { tensor } of parameters.biases) tensor.data.fill(0)
  try {
    return work()
  } finally {
    for (const [index, { tensor }] of parameters.biases.entries()) tensor.data.set(kept[index])
  }
}
