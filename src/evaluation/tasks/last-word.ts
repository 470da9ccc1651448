/** Last-word cloze, as LAMBADA asks it (Paperno et al., 2016): the last word of a sentence, after the sentences before it. */
import type { CorpusDomain } from '../../pretraining/data/index.ts'
import type { Task, TaskItem } from './item.ts'
import { heldOutSentences, sentencesBefore } from './sentences.ts'

const mostWordsBefore = 40
const mostWords = 30
/** Shorter last words are mostly pronouns and particles. */
const fewestLetters = 4

function build(domains: readonly CorpusDomain[]): TaskItem[] {
  const sentences = heldOutSentences(domains)
  return sentences.flatMap(({ documentId, index, words }, at) => {
    const last = /^([A-Za-z]+)[.!?]$/.exec(words.at(-1)!)?.[1]
    const before = sentencesBefore(sentences, at, mostWordsBefore)
    if (last === undefined || last.length < fewestLetters || words.length > mostWords || before === '') return []
    const context = `${before} ${words.slice(0, -1).join(' ')}`
    return [{ id: `${documentId}#${index}`, task: lastWord.name, context, choices: [` ${last}`], answerIndex: 0 }]
  })
}

/** The task. */
export const lastWord: Task = {
  name: 'last-word',
  likeName: 'lambada-like',
  scoring: 'exact',
  asks: 'the last word of a sentence of held-out prose, after one to three sentences',
  needs: 'English prose of several sentences',
  build,
}
