/**
 * Minimal pairs, as BLiMP has them (Warstadt et al., 2020): a held-out sentence, and the same with one thing made wrong.
 *
 * What is swapped is chosen so that the swap is wrong wherever it matches: a verb right after a pronoun, "a" for "an",
 * "this" before a plural, and an article behind its noun. Subjunctives ("if he were") do not match, nor do the letters before
 * which old texts waver ("an united", "an historical").
 */
import type { Random } from '../../base/random.ts'
import type { CorpusDomain } from '../../pretraining/data/index.ts'
import { type Task, type TaskItem, withChoices } from './item.ts'
import { heldOutSentences } from './sentences.ts'

const mostWords = 25

/** A pattern with the parts before and after what is swapped, and what stands there instead. */
interface Swap {
  readonly kind: string
  readonly pattern: RegExp
  readonly instead: (found: string) => string
}

const opposite = (pairs: Readonly<Record<string, string>>) => (found: string) => pairs[found]

const swaps: readonly Swap[] = [
  {
    kind: 'agreement',
    pattern: /(?<=\b(?:[Hh]e|[Ss]he|[Ii]t) )(?:is|has|was|does)(?= )/,
    instead: opposite({ is: 'are', has: 'have', was: 'were', does: 'do' }),
  },
  {
    kind: 'agreement',
    pattern: /(?<=\b(?:[Ww]e|[Tt]hey) )(?:are|have|were|do)(?= )/,
    instead: opposite({ are: 'is', have: 'has', were: 'was', do: 'does' }),
  },
  { kind: 'determiner', pattern: /(?<= )(?:a(?= [b-df-gj-np-tv-z])|an(?= [aeio]))/, instead: opposite({ a: 'an', an: 'a' }) },
  {
    kind: 'determiner',
    pattern: /(?<=\b(?:of|in|to|for|by|with|from|on) )(?:this|that)(?= [a-z]+[a-rt-z][ ,.])/,
    instead: opposite({ this: 'these', that: 'those' }),
  },
  {
    kind: 'determiner',
    pattern: /(?<=\b(?:of|in|to|for|by|with|from|on) )(?:these|those)(?= [a-z]+[a-rt-z]s[ ,.])/,
    instead: opposite({ these: 'this', those: 'that' }),
  },
  {
    kind: 'order',
    pattern: /(?<=\b(?:of|in|to|for|by|with|from|on) )the [a-z]{4,}(?= (?:of|and|to|in|is|was|has|which)\b)/,
    instead: (found) => found.split(' ').toReversed().join(' '),
  },
]

function build(domains: readonly CorpusDomain[], rng: Random): TaskItem[] {
  return heldOutSentences(domains)
    .filter(({ words }) => words.length <= mostWords)
    .flatMap(({ documentId, index, text }) =>
      swaps.flatMap(({ kind, pattern, instead }, number) => {
        const found = pattern.exec(text)
        if (!found) return []
        const wrong = text.slice(0, found.index) + instead(found[0]) + text.slice(found.index + found[0].length)
        const item = { id: `${documentId}#${index}/${kind}-${number}`, task: grammar.name, context: '' }
        return [withChoices(item, text, [wrong], rng)]
      }),
    )
}

/** The task. */
export const grammar: Task = {
  name: 'grammar',
  likeName: 'blimp-like',
  scoring: 'plain',
  asks: 'whether a held-out sentence is likelier than the same with its agreement, determiner or word order made wrong',
  needs: 'English prose',
  build,
}
