/**
 * What a thread reads when it has done its share of an entry: the weights that `fewRows` touches meanwhile.
 *
 * A guess that costs nothing when it is wrong: the thread may find its next share taken, an expert may be chosen by nobody.
 * So it depends on the list alone, never on numbers that another thread may be writing.
 */
import { argument, ENTRY, firstColumn, groupEntry, groups, panelBytes, pointer, running, share, shares, TILE } from './decode-share'
import { threadCount, threadIndex } from './threads'

/** Address and bytes of those weights; no bytes where nothing is known. */
export let aheadAt: usize = 0
export let aheadBytes: usize = 0

/** The first tile of a share of N columns, K deep. → whether there is one */
function found(w: usize, N: i32, K: i32, part: i32): bool {
  const first = firstColumn(N, part)
  const columns = min(firstColumn(N, part + 1) - first, TILE)
  aheadAt = w + (<usize>(first * K) << 2)
  aheadBytes = panelBytes(columns, K)
  return columns > 0
}

/** Looks for weights in an entry: linear and gated, first and second halves of experts. Arguments as in kernels/decode.ts. */
function weightsOf(entry: usize, part: i32): bool {
  switch (load<i32>(entry)) {
    case 1: case 2: return found(pointer(entry, 1), argument(entry, 5), argument(entry, 6), part)
    case 3: return found(pointer(entry, 8), argument(entry, 9), argument(entry, 5), part)
    case 4: return found(pointer(entry, 3), argument(entry, 4), argument(entry, 5), part)
    default: return false
  }
}

/** Looks for the weights behind this thread's share of an entry: in its group, in its next share of it, in the groups that follow. */
export function lookAhead(entry: usize): void {
  const own = shares / threadCount()
  let part = share, group = running, first = groupEntry
  for (;;) {
    if (load<i32>(entry, 4) == 0) entry += ENTRY
    else if ((part + 1) % own != 0) {
      part++
      entry = first
    } else {
      if (++group == groups) break
      part = threadIndex() * own
      first = entry += ENTRY
    }
    if (weightsOf(entry, part)) return
  }
  aheadBytes = 0
}
