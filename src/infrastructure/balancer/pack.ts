/**
 * Packing with a fixed number of items a pack: heaviest item first, into the lightest pack that still has room.
 *
 * Source: the expert balancer released with DeepSeek-V3 (EPLB), `balanced_packing`. Its arithmetic is 32-bit, and so is
 * ours, so that ties fall the same way.
 */

export interface Packing {
  /** packOfItem[i]: the pack of item i. */
  readonly packOfItem: Int32Array
  /** rankOfItem[i]: how many items its pack held before it. */
  readonly rankOfItem: Int32Array
}

/**
 * @param weights   of n items; only their order and sums matter
 * @param packCount m; n is a multiple of m, and every pack gets n / m items
 */
export function packBalanced(weights: ArrayLike<number>, packCount: number): Packing {
  const itemCount = weights.length
  const packOfItem = new Int32Array(itemCount)
  const rankOfItem = new Int32Array(itemCount)
  const capacity = itemCount / packCount
  if (capacity === 1) {
    for (let item = 0; item < itemCount; item++) packOfItem[item] = item
    return { packOfItem, rankOfItem }
  }
  const heaviestFirst = Array.from({ length: itemCount }, (_, item) => item).sort((a, b) => weights[b] - weights[a])
  const packWeight = new Float32Array(packCount)
  const packSize = new Int32Array(packCount)
  for (const item of heaviestFirst) {
    let lightest = -1
    for (let pack = 0; pack < packCount; pack++) {
      if (packSize[pack] < capacity && (lightest < 0 || packWeight[pack] < packWeight[lightest])) lightest = pack
    }
    packOfItem[item] = lightest
    rankOfItem[item] = packSize[lightest]++
    packWeight[lightest] += weights[item]
  }
  return { packOfItem, rankOfItem }
}
