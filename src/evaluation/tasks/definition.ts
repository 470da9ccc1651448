/**
 * Four-way choice, as MMLU asks it (Hendrycks et al., 2021), on a dictionary: which word a definition belongs to.
 *
 * Entries read "stone, rock (noun): material consisting of …". The likelihood that is compared is the definition's, after each
 * of four words of its part of speech: how common a word is by itself does not matter.
 */
import type { Random } from '../../base/random.ts'
import type { CorpusDomain } from '../../pretraining/data/index.ts'
import { drawSome, type Task, type TaskItem, withChoices } from './item.ts'

interface Entry {
  readonly id: string
  readonly lemmas: readonly string[]
  readonly part: string
  readonly gloss: string
}

const entryLine = /^([^\s(:][^(:]*) \((noun|verb|adjective|adverb)\): (.+)$/
const mostCharacters = 160

function entriesOf(domains: readonly CorpusDomain[]): Entry[] {
  return domains.flatMap(({ heldOut }) =>
    heldOut.flatMap(({ id, text }) =>
      text.split('\n').flatMap((line, index): Entry[] => {
        const [, lemmas, part, whole] = entryLine.exec(line) ?? []
        if (lemmas === undefined) return []
        // Examples in quotes would give the word away.
        const gloss = whole.replace(/;? *".*$/, '').trim()
        return gloss === '' || gloss.length > mostCharacters ? [] : [{ id: `${id}#${index}`, lemmas: lemmas.split(', '), part, gloss }]
      }),
    ),
  )
}

/** Whether a word, or its first five letters, stands in a text. */
const leaks = (lemma: string, gloss: string) => gloss.toLowerCase().includes(lemma.toLowerCase().slice(0, 5))

function build(domains: readonly CorpusDomain[], rng: Random): TaskItem[] {
  const entries = entriesOf(domains)
  return entries.flatMap(({ id, lemmas, part, gloss }) => {
    const [answer] = lemmas
    if (leaks(answer, gloss)) return []
    const wrong = drawSome(entries, 3, rng, (one, taken) => {
      const [word] = one.lemmas
      return one.part === part && !lemmas.includes(word) && !leaks(word, gloss) && taken.every((other) => other.lemmas[0] !== word)
    })
    if (wrong.length < 3) return []
    const item = { id, task: definition.name, context: '', ending: ` (${part}): ${gloss}` }
    const words = wrong.map((one) => one.lemmas[0])
    return [withChoices(item, answer, words, rng)]
  })
}

/** The task. */
export const definition: Task = {
  name: 'definition',
  likeName: 'mmlu-like (dictionary)',
  scoring: 'plain',
  asks: 'which of four words a held-out definition belongs to',
  needs: 'entries such as "stone, rock (noun): material consisting of …"',
  build,
}
