/** WordNet both ways: what a word means, and which word means that. */
import { pick } from '../../foundations/tasks/task.ts'
import { type ConversationMaker, type Exchange, inRandomOrder } from './conversation.ts'

/** "able, fit (adjective): having the means; "able to swim"" */
const entryLine = /^([a-z]{3,14})(?:, [^(]*)? \((noun|verb|adjective|adverb)\): (.+)$/

const longestGloss = 110

/** A word that is its entry's first, and its meaning without examples; null where the meaning is long or names the word. */
function entryOf(line: string): { word: string; part: string; meaning: string } | null {
  const match = entryLine.exec(line)
  if (match === null) return null
  const [, word, part, gloss] = match
  const meaning = gloss
    .split(/; ["`]/, 1)[0]
    .replace(/^\([^)]*\) /, '')
    .replace(/[.;:]$/, '')
  const isUsable = meaning.length >= 8 && meaning.length <= longestGloss && !meaning.includes('"') && !meaning.toLowerCase().includes(word)
  return isUsable ? { word, part, meaning } : null
}

/** "What does able mean?", and "Which adjective means: having the means?" */
export const dictionary: ConversationMaker = {
  source: 'dictionary',
  share: 0.2,
  reads: { domain: 'facts', prefix: 'wordnet/' },
  exchanges(documents, rng) {
    const lines = documents.flatMap(({ id, text }) => text.split('\n').map((line, index) => ({ key: `${id}:${index + 1}`, line })))
    return inRandomOrder(lines, rng, ({ key, line }): Exchange | null => {
      const entry = entryOf(line)
      if (entry === null) return null
      const { word, part, meaning } = entry
      if (rng.below(2) === 0) return { key, question: `Which ${part} means: ${meaning}?`, answer: word }
      return { key, question: pick(rng, [`Define: ${word} (${part})`, `What does the ${part} ${word} mean?`]), answer: `${meaning}.` }
    })
  },
}
