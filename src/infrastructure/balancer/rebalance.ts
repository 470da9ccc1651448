/**
 * The expert balancer: which expert goes into which slot of which device, hot experts more than once.
 *
 * Hierarchical, when groups divide evenly over nodes (prefill, small EP): groups are packed onto nodes, so that a
 * token's node-limited routing stays inside few nodes; experts are replicated inside each node; replicas are packed onto
 * its devices. Global otherwise (decode, large EP): the same with one group and one node.
 *
 * A slot is a *physical* expert, slots being numbered device by device. Source: EPLB, `rebalance_experts`.
 */
import { rejectViolations } from '../../base/errors.ts'
import { packBalanced } from './pack.ts'
import { replicateExperts } from './replicate.ts'

export interface BalanceShape {
  /** Slots in all: a multiple of deviceCount, at least one an expert. */
  readonly replicaCount: number
  /** Groups of consecutive experts. */
  readonly groupCount: number
  readonly nodeCount: number
  /** Devices in all, a multiple of nodeCount. */
  readonly deviceCount: number
}

/** Where the experts of one layer are. */
export interface Placement {
  /** logicalOfPhysical[slot]: the expert in that slot. */
  readonly logicalOfPhysical: readonly number[]
  /** physicalOfLogical[expert]: its slots, in order of replication. */
  readonly physicalOfLogical: readonly (readonly number[])[]
  /** replicaCounts[expert]. */
  readonly replicaCounts: readonly number[]
  /** deviceLoads[device]: the load it serves when replicas share their expert's load evenly. */
  readonly deviceLoads: readonly number[]
}

/** Loads that are named when they are wrong throughout. */
const mostNamed = 20

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 1

/**
 * What keeps loads and a shape from being balanced, one sentence each.
 *
 * @param loads layers x experts
 */
export function balanceViolations(loads: readonly (readonly number[])[], shape: BalanceShape): string[] {
  const violations: string[] = []
  const expertCount = loads[0]?.length ?? 0
  if (loads.length === 0 || expertCount === 0) violations.push('loads: expected at least one layer with one expert, got none')
  loads.forEach((layer, index) => {
    if (layer.length !== expertCount)
      violations.push(`loads, layer ${index}: expected ${expertCount} experts as in layer 0, got ${layer.length}`)
    layer.forEach((load, expert) => {
      if (!(load >= 0 && load <= 1e30) && violations.length < mostNamed)
        violations.push(`loads, layer ${index}, expert ${expert}: expected a load from 0 to 1e30, got ${load}`)
    })
  })
  const { replicaCount, groupCount, nodeCount, deviceCount } = shape
  const counts = { replicas: replicaCount, groups: groupCount, nodes: nodeCount, gpus: deviceCount }
  for (const [name, value] of Object.entries(counts)) {
    if (!isCount(value) || value > 1_000_000) violations.push(`${name}: expected a whole number from 1 to 1000000, got ${value}`)
  }
  if (violations.length > 0) return violations
  if (replicaCount < expertCount)
    violations.push(`replicas: expected at least one for each of the ${expertCount} experts, got ${replicaCount}`)
  if (replicaCount % deviceCount !== 0) violations.push(`replicas: expected a multiple of the ${deviceCount} gpus, got ${replicaCount}`)
  if (deviceCount % nodeCount !== 0) violations.push(`gpus: expected a multiple of the ${nodeCount} nodes, got ${deviceCount}`)
  if (expertCount % groupCount !== 0) violations.push(`groups: expected a divisor of the ${expertCount} experts, got ${groupCount}`)
  return violations
}

/**
 * Places the experts of every layer.
 *
 * @param loads layers x experts: how much each expert is used, by any measure
 * @param shape slots, groups, nodes and devices
 * @returns one placement a layer
 * @throws UsageError with every violation
 */
export function rebalanceExperts(loads: readonly (readonly number[])[], shape: BalanceShape): Placement[] {
  rejectViolations('balance', balanceViolations(loads, shape))
  const isHierarchical = shape.groupCount % shape.nodeCount === 0
  return loads.map((layer) => placeLayer(layer, isHierarchical ? shape : { ...shape, groupCount: 1, nodeCount: 1 }))
}

function placeLayer(loads: readonly number[], { replicaCount, groupCount, nodeCount, deviceCount }: BalanceShape): Placement {
  const expertCount = loads.length
  const groupSize = expertCount / groupCount
  const slotsPerNode = replicaCount / nodeCount
  const devicesPerNode = deviceCount / nodeCount
  const slotsPerDevice = replicaCount / deviceCount

  const groupLoads = new Float32Array(groupCount)
  for (let expert = 0; expert < expertCount; expert++) groupLoads[Math.floor(expert / groupSize)] += loads[expert]
  const groupPacking = packBalanced(groupLoads, nodeCount)

  const expertsOfNode = Array.from({ length: nodeCount }, () => new Int32Array(expertCount / nodeCount))
  for (let expert = 0; expert < expertCount; expert++) {
    const group = Math.floor(expert / groupSize)
    const seat = groupPacking.rankOfItem[group] * groupSize + (expert % groupSize)
    expertsOfNode[groupPacking.packOfItem[group]][seat] = expert
  }

  const logicalOfPhysical = Array.from({ length: replicaCount }, () => 0)
  const physicalOfLogical = Array.from({ length: expertCount }, (): number[] => [])
  const deviceLoads = Array.from({ length: deviceCount }, () => 0)
  expertsOfNode.forEach((experts, node) => {
    const nodeLoads = Float32Array.from(experts, (expert) => loads[expert])
    const { expertOfReplica, rankOfReplica, replicaCount: counts } = replicateExperts(nodeLoads, slotsPerNode)
    const replicaLoads = Float32Array.from(expertOfReplica, (seat) => nodeLoads[seat] / counts[seat])
    const { packOfItem, rankOfItem } = packBalanced(replicaLoads, devicesPerNode)
    expertOfReplica.forEach((seat, replica) => {
      const device = node * devicesPerNode + packOfItem[replica]
      const slot = device * slotsPerDevice + rankOfItem[replica]
      const expert = experts[seat]
      logicalOfPhysical[slot] = expert
      physicalOfLogical[expert][rankOfReplica[replica]] = slot
      deviceLoads[device] += loads[expert] / counts[seat]
    })
  })
  return { logicalOfPhysical, physicalOfLogical, replicaCounts: physicalOfLogical.map((slots) => slots.length), deviceLoads }
}

/** Loads of the devices under an existing placement when the experts' loads have changed. */
export function deviceLoadsOf(placement: Placement, loads: readonly number[]): number[] {
  const { logicalOfPhysical, replicaCounts, deviceLoads } = placement
  const slotsPerDevice = logicalOfPhysical.length / deviceLoads.length
  const result = deviceLoads.map(() => 0)
  logicalOfPhysical.forEach((expert, slot) => {
    result[Math.floor(slot / slotsPerDevice)] += loads[expert] / replicaCounts[expert]
  })
  return result
}

/** The busiest device over the mean: 1 is perfect. No load at all counts as perfect. */
export function loadImbalance(deviceLoads: readonly number[]): number {
  const total = deviceLoads.reduce((sum, load) => sum + load, 0)
  return total === 0 ? 1 : (deviceLoads.reduce((most, load) => Math.max(most, load), 0) * deviceLoads.length) / total
}
