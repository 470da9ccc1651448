/** Sentences of the TypeScript compiler from English into another language. */
import { pick } from '../../foundations/tasks/task.ts'
import { type ConversationMaker, inRandomOrder } from './conversation.ts'

/** As the documents call a language, and as a question does. */
const languages: Readonly<Record<string, string>> = {
  Čeština: 'Czech',
  Deutsch: 'German',
  Español: 'Spanish',
  Français: 'French',
  Italiano: 'Italian',
  Polski: 'Polish',
  Português: 'Portuguese',
  Türkçe: 'Turkish',
}

const longestSentence = 90

/** "Translate into German: Identifier expected." */
export const translations: ConversationMaker = {
  source: 'translations',
  share: 0.03,
  reads: { domain: 'multilingual', prefix: 'typescript-messages/' },
  exchanges: (documents, rng) =>
    inRandomOrder(documents, rng, ({ id, text }) => {
      const lines = text.split('\n').map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)] as const)
      const english = lines.find(([language]) => language === 'English')?.[1]
      const others = lines.filter(([language, sentence]) => languages[language] !== undefined && sentence.length <= longestSentence * 1.5)
      if (!english || english.length > longestSentence || others.length === 0) return null
      const [language, sentence] = pick(rng, others)
      return { key: `${id}:${languages[language]}`, question: `Translate into ${languages[language]}: ${english}`, answer: sentence }
    }),
}
