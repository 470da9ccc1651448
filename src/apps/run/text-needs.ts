/**
 * What the later parts of a run need of its text, looked at when the text is there and before the first step. A part that is too
 * much for a small text is left out with a sentence; what no part could do without is refused.
 */
import { formatBytes, formatCount } from '../../base/format.ts'
import { longConversations, rejectWithoutRoom } from '../../posttraining/index.ts'
import {
  ablationNames,
  accumulationAblation,
  heldOutShortage,
  type PreparedText,
  type Recipe,
  type SftConfig,
} from '../../pretraining/index.ts'
import type { PartName } from '../../report/index.ts'

/** Lines of a file that a sentence names. */
const namedLines = 5

/**
 * Refuses what no later part could do without, and tells what will be left out for want of text or of room.
 *
 * @param isWanted whether a part is still to be done
 * @returns sentences, to be said before the first step
 * @throws UsageError when no conversation fits in a row of fine-tuning, or no reply behind a prompt of reinforcement
 */
export function checkTextNeeds(recipe: Recipe, text: PreparedText, isWanted: (part: PartName) => boolean): string[] {
  const sft = isWanted('sft') ? recipe.sft : null
  rejectWithoutRoom({ ...recipe, sft, rl: isWanted('rl') ? recipe.rl : null }, text)
  const ablations = isWanted('ablations') ? ablationsWithin(recipe, text).leftOut : null
  return [...(sft ? longSentences(sft, text) : []), ...(ablations === null ? [] : [ablations])]
}

/** The user's conversations that fine-tuning has no row for, a sentence for each file. */
export function longSentences(sft: SftConfig, { tokenizer }: PreparedText): string[] {
  return longConversations(sft, tokenizer).map(({ file, count, lines, longestTokens }) => {
    const named = `${lines.slice(0, namedLines).join(', ')}${lines.length > namedLines ? ', …' : ''}`
    return `${file}: ${lines.length} of ${count} conversations take more than a row of sft.rowLength = ${sft.rowLength} tokens (the longest ${longestTokens}) and are left out: ${lines.length === 1 ? 'line' : 'lines'} ${named}.`
  })
}

/** Beyond this a text is mostly held out. */
const largestShare = 0.5

/**
 * Ablations of a recipe that its text is enough for, and a sentence about the others.
 *
 * @returns leftOut: null when there are none
 */
export function ablationsWithin(
  recipe: Recipe,
  text: PreparedText,
): { readonly names: readonly string[]; readonly leftOut: string | null } {
  const asked = ablationNames(recipe.ablations?.names ?? [])
  // The one that is not scored compares sums of gradients.
  const isScored = (name: string) => name !== accumulationAblation.name
  const scored = asked.filter(isScored)
  const shortage = scored.length > 0 ? heldOutShortage(text, recipe.training.rowLength, recipe.seed) : null
  if (shortage === null) return { names: asked, leftOut: null }
  const { rows, leastRows, length, tokens, neededTokens } = shortage
  const { utf8Bytes } = text.corpus.statistics
  const allTokens = text.tokenized.domains.reduce((sum, { train, heldOut }) => sum + train.ids.length + heldOut.ids.length, 0)
  const { heldOutShare } = recipe.data
  const enoughBytes = (neededTokens / heldOutShare) * (utf8Bytes / allTokens)
  const enoughShare = Math.ceil((100 * neededTokens) / allTokens) / 100
  const ways = [
    ...(heldOutShare > 0 ? [`about ${formatBytes(enoughBytes)} of text (there are ${formatBytes(utf8Bytes)})`] : []),
    ...(enoughShare <= largestShare ? [`--set data.heldOutShare=${enoughShare}`] : []),
  ]
  const sentences = [
    `The ablations ${scored.join(', ')} are left out: each is scored on at least ${leastRows} rows of ${length} held-out tokens, and the ${formatCount(tokens)} that are held out give ${rows}.`,
    ...(ways.length > 0 ? [`A new run has them with ${ways.join(', or with ')}.`] : []),
  ]
  return { names: asked.filter((name) => !isScored(name)), leftOut: sentences.join(' ') }
}
