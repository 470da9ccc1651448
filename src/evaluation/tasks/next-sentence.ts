/** Which sentence comes next, as HellaSwag asks it (Zellers et al., 2019): the true one or three from elsewhere. */
import type { Random } from '../../base/random.ts'
import type { CorpusDomain } from '../../pretraining/data/index.ts'
import { drawSome, type Task, type TaskItem, withChoices } from './item.ts'
import { heldOutSentences, sentencesBefore } from './sentences.ts'

const mostWordsBefore = 35
const fewestWords = 6
const mostWords = 20
/** Wrong sentences of the same document stand at least so far away. */
const leastDistance = 10

function build(domains: readonly CorpusDomain[], rng: Random): TaskItem[] {
  const sentences = heldOutSentences(domains)
  const endings = sentences.filter(({ words }) => words.length >= fewestWords && words.length <= mostWords)
  return sentences.flatMap((sentence, at) => {
    const context = endings.includes(sentence) ? sentencesBefore(sentences, at, mostWordsBefore) : ''
    if (context === '') return []
    const wrong = drawSome(
      endings,
      3,
      rng,
      ({ documentId, index }) => documentId !== sentence.documentId || Math.abs(index - sentence.index) >= leastDistance,
    )
    if (wrong.length < 3) return []
    const item = { id: `${sentence.documentId}#${sentence.index}`, task: nextSentence.name, context }
    const others = wrong.map(({ text }) => ` ${text}`)
    return [withChoices(item, ` ${sentence.text}`, others, rng)]
  })
}

/** The task. */
export const nextSentence: Task = {
  name: 'next-sentence',
  likeName: 'hellaswag-like',
  scoring: 'per-byte',
  asks: 'which of four sentences of held-out prose goes on',
  needs: 'English prose of several sentences, twenty or more in all',
  build,
}
