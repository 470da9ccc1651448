/**
 * Packing by best fit, longest first: each item goes where it leaves the least room, into a new row where it fits nowhere.
 *
 * At most 11/9 of the least possible number of rows, and one (Johnson, 1973).
 */

/**
 * Packs items into rows.
 *
 * @param sizes    of the items, 1 to `capacity`
 * @param capacity of a row
 * @returns items of each row, the longest first; every item is in exactly one row
 */
export function bestFit(sizes: readonly number[], capacity: number): number[][] {
  const rows: number[][] = []
  /** Rows by the room that is left in them; a row of room r is in list r. */
  const rowsOfRoom: number[][] = Array.from({ length: capacity + 1 }, () => [])
  const longestFirst = Array.from(sizes, (_, item) => item).sort((a, b) => sizes[b] - sizes[a] || a - b)
  for (const item of longestFirst) {
    const size = sizes[item]
    let room = size
    while (room <= capacity && rowsOfRoom[room].length === 0) room++
    const row = room <= capacity ? rowsOfRoom[room].pop()! : rows.push([]) - 1
    rows[row].push(item)
    rowsOfRoom[(room <= capacity ? room : capacity) - size].push(row)
  }
  return rows
}
