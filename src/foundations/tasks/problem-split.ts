/**
 * Held-out problems: a problem's own text decides on which side it lies.
 *
 * So the sides never meet, whatever the seed, the run or the order of the draws, and a held-out score is about problems that
 * no training step has seen.
 */

/**
 * The place of a problem in [0, 1), which decides its side: FNV-1a of its text with a final mix.
 *
 * @param text its text, or an id that is the same for all its spellings
 */
export function problemPlace(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32
}

/**
 * Whether a problem is held out.
 *
 * @param text  its text, or an id that is the same for all its spellings
 * @param share of all problems that are held out, 0..1
 */
export function isHeldOutProblem(text: string, share: number): boolean {
  return problemPlace(text) < share
}
