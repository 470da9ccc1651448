/** `Map.groupBy`, which Node 20 does not have yet. */

/**
 * Items by key, in the order in which keys and items come.
 *
 * @param keyOf the key of an item
 */
export function groupBy<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}
