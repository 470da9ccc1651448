/** "Did you mean …?": the names closest to one that does not exist, for every place where a person types a name. */

/**
 * Edits (insert, delete, replace, swap of neighbours) that turn `from` into `to`; optimal string alignment.
 *
 * The whole table is kept: names are short.
 */
function editDistance(from: string, to: string): number {
  const rows = Array.from({ length: from.length + 1 }, (_, i) =>
    Array.from({ length: to.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  )
  for (let i = 1; i <= from.length; i++) {
    for (let j = 1; j <= to.length; j++) {
      const replace = rows[i - 1][j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      const swap = isSwap ? rows[i - 2][j - 2] + 1 : Number.POSITIVE_INFINITY
      rows[i][j] = Math.min(replace, swap, rows[i - 1][j] + 1, rows[i][j - 1] + 1)
    }
  }
  return rows[from.length][to.length]
}

/**
 * The names that were probably meant, nearest first.
 *
 * A name counts as near when at most two edits, or a third of its length if that is more, lead to it, or when one of the
 * two starts or ends with the other ("width" for "model.width").
 *
 * @param limit how many at most
 */
export function nearest(name: string, candidates: Iterable<string>, limit = 3): string[] {
  // Anything longer than every real name is noise, and the table grows with the square of the length.
  const wanted = name.slice(0, 64).toLowerCase()
  const scored: { candidate: string; distance: number }[] = []
  for (const candidate of new Set(candidates)) {
    const known = candidate.toLowerCase()
    const [short, long] = wanted.length < known.length ? [wanted, known] : [known, wanted]
    const isPart = short.length > 1 && (long.startsWith(short) || long.endsWith(short))
    const distance = isPart ? 1 : editDistance(wanted, known)
    if (distance <= Math.max(2, Math.floor(known.length / 3)) && distance < known.length) scored.push({ candidate, distance })
  }
  scored.sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
  return scored.slice(0, limit).map(({ candidate }) => candidate)
}

/** `Did you mean "plan"?` or, when nothing is near, the empty string: ready to be a message's hint. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const near = nearest(name, candidates)
  return near.length === 0 ? '' : `Did you mean ${near.map((candidate) => `"${candidate}"`).join(' or ')}?`
}

/** Violations for the names of a record that do not exist, one each. @param known the names that do */
export function unknownNames(given: object, known: readonly string[]): string[] {
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => `${name.slice(0, 80)}: there is no such option. ${didYouMean(name, known) || `There are ${known.join(', ')}.`}`)
}
