/**
 * How many devices and nodes one token visits: from the routing rule, or counted in a trace of a real router.
 *
 * Experts are spread evenly and in order over the devices of an expert-parallel group, devices over nodes. A token that
 * chooses several experts of one node crosses the network to it once (DeepSeek-V3 report, section 3.2.2).
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { rejectViolations, usageError } from '../../base/errors.ts'

export interface Routing {
  /** Different nodes of one token's experts: expected, and at most by the rule. */
  readonly nodesPerToken: number
  readonly nodeLimit: number
  /** Copies of a token that the network is charged with: the rule's limit, as published bandwidths count, or the trace's mean. */
  readonly copiesPerToken: number
  /** Different devices of one token's experts: expected. */
  readonly devicesPerToken: number
  /** The busiest device's expert load over the mean. */
  readonly deviceImbalance: number
  readonly source: string
}

/** A recorded router: trace[layer][token] lists the ids of the experts that the token visited. */
export type RoutingTrace = readonly (readonly (readonly number[])[])[]

/**
 * Expected number of different units among `draws` different experts, all equally likely.
 *
 *   units * (1 - C(E - e, draws) / C(E, draws)),  e = E / units
 */
export function expectedDistinct(unitCount: number, expertCount: number, draws: number): number {
  const perUnit = expertCount / unitCount
  let missShare = 1
  for (let draw = 0; draw < draws; draw++) missShare *= Math.max(0, expertCount - perUnit - draw) / (expertCount - draw)
  return unitCount * (1 - missShare)
}

/**
 * Routing from the rule alone, with balanced experts.
 *
 * @param model       experts, groups, and how many of each a token may use
 * @param deviceCount devices of an expert-parallel group
 * @param nodeCount   nodes that they stand in
 */
export function expectedRouting(model: ModelConfig, deviceCount: number, nodeCount: number): Routing {
  const { expertCount, activeExpertCount, groupCount, activeGroupCount } = model
  const isNodeLimited = groupCount > 1 && groupCount % nodeCount === 0
  const reachShare = groupCount > 1 ? activeGroupCount / groupCount : 1
  const nodeLimit = Math.min(nodeCount, activeExpertCount, isNodeLimited ? activeGroupCount : nodeCount)
  const reachable = Math.round(expertCount * reachShare)
  // Kept groups lie on as many nodes as the rule allows; inside them every expert is equally likely.
  const reachableNodes = isNodeLimited ? Math.min(nodeCount, activeGroupCount) : nodeCount
  const reachableDevices = Math.max(1, isNodeLimited ? deviceCount * Math.min(1, activeGroupCount / nodeCount) : deviceCount)
  return {
    nodesPerToken: Math.min(nodeLimit, expectedDistinct(reachableNodes, isNodeLimited ? reachable : expertCount, activeExpertCount)),
    nodeLimit,
    copiesPerToken: nodeLimit,
    devicesPerToken: expectedDistinct(reachableDevices, isNodeLimited ? reachable : expertCount, activeExpertCount),
    deviceImbalance: 1,
    source: 'the routing rule, balanced experts',
  }
}

/**
 * Routing counted in a recorded trace.
 *
 * @param trace       checked by `parseRoutingTrace`
 * @param expertCount E
 */
export function routingOfTrace(trace: RoutingTrace, expertCount: number, deviceCount: number, nodeCount: number): Routing {
  let tokens = 0
  let nodeVisits = 0
  let deviceVisits = 0
  let nodeLimit = 0
  let imbalance = 0
  for (const layer of trace) {
    const loads = new Float64Array(deviceCount)
    for (const experts of layer) {
      const devices = new Set(experts.map((expert) => Math.floor((expert * deviceCount) / expertCount)))
      const nodes = new Set(experts.map((expert) => Math.floor((expert * nodeCount) / expertCount)))
      for (const expert of experts) loads[Math.floor((expert * deviceCount) / expertCount)]++
      tokens++
      nodeVisits += nodes.size
      deviceVisits += devices.size
      nodeLimit = Math.max(nodeLimit, nodes.size)
    }
    const total = loads.reduce((sum, load) => sum + load, 0)
    imbalance += total === 0 ? 1 : (Math.max(...loads) * deviceCount) / total
  }
  return {
    nodesPerToken: nodeVisits / tokens,
    nodeLimit,
    copiesPerToken: nodeVisits / tokens,
    devicesPerToken: deviceVisits / tokens,
    deviceImbalance: imbalance / trace.length,
    source: `a recorded trace of ${tokens} tokens in ${trace.length} layers`,
  }
}

/**
 * A trace from outside: JSON, layers x tokens x ids of the experts visited.
 *
 * @throws UsageError naming every token that is wrong, the first twenty
 */
export function parseRoutingTrace(text: string, model: ModelConfig, subject = 'routing trace'): RoutingTrace {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw usageError(subject, 'JSON: layers x tokens x expert ids', (cause as Error).message, '', cause)
  }
  if (!Array.isArray(value) || value.length === 0)
    throw usageError(subject, 'a list of layers, at least one', JSON.stringify(value).slice(0, 40))
  const violations = value.flatMap((layer: unknown, index) => layerViolations(layer, model, `layer ${index}`))
  const hidden = violations.length - mostNamed
  rejectViolations(subject, violations.slice(0, mostNamed), hidden > 0 ? `And ${hidden} more.` : '')
  return value as RoutingTrace
}

/** Of a trace that is wrong throughout, enough to see how. */
const mostNamed = 20

function layerViolations(layer: unknown, model: ModelConfig, name: string): string[] {
  if (!Array.isArray(layer) || layer.length === 0) return [`${name}: expected a list of tokens, at least one`]
  return layer.flatMap((experts: unknown, token) => tokenViolation(experts, model, `${name}, token ${token}`) ?? [])
}

function tokenViolation(experts: unknown, { expertCount, activeExpertCount }: ModelConfig, name: string): string | undefined {
  if (!Array.isArray(experts) || experts.length !== activeExpertCount)
    return `${name}: expected ${activeExpertCount} expert ids, got ${JSON.stringify(experts)?.slice(0, 40)}`
  const bad = (experts as unknown[]).find((id) => !(Number.isInteger(id) && Number(id) >= 0 && Number(id) < expertCount))
  if (bad !== undefined) return `${name}: expected ids from 0 to ${expertCount - 1}, got ${JSON.stringify(bad)}`
  if (new Set(experts).size !== experts.length) return `${name}: expected different experts, got ${JSON.stringify(experts)}`
  return undefined
}
