/**
 * Redundant experts: the expert with the highest load a replica gets the next replica, until all slots are taken.
 *
 * Source: EPLB, `replicate_experts`; 32-bit arithmetic as there.
 */

export interface Replication {
  /** expertOfReplica[p]: the expert in slot p; slots 0 … n-1 are the experts themselves. */
  readonly expertOfReplica: Int32Array
  /** rankOfReplica[p]: 0 for the first replica of its expert. */
  readonly rankOfReplica: Int32Array
  /** replicaCount[e]: replicas of expert e, at least 1. */
  readonly replicaCount: Int32Array
}

/**
 * @param weights   load of each of n experts
 * @param slotCount at least n
 */
export function replicateExperts(weights: ArrayLike<number>, slotCount: number): Replication {
  const expertCount = weights.length
  const expertOfReplica = new Int32Array(slotCount)
  const rankOfReplica = new Int32Array(slotCount)
  const replicaCount = new Int32Array(expertCount).fill(1)
  const loadOfReplica = Float32Array.from(weights)
  for (let expert = 0; expert < expertCount; expert++) expertOfReplica[expert] = expert
  for (let slot = expertCount; slot < slotCount; slot++) {
    let busiest = 0
    for (let expert = 1; expert < expertCount; expert++) {
      if (loadOfReplica[expert] > loadOfReplica[busiest]) busiest = expert
    }
    expertOfReplica[slot] = busiest
    rankOfReplica[slot] = replicaCount[busiest]++
    loadOfReplica[busiest] = weights[busiest] / replicaCount[busiest]
  }
  return { expertOfReplica, rankOfReplica, replicaCount }
}
