/** A short function of JavaScript from its description: 30 seconds of code. */
import type { Document } from '../../pretraining/index.ts'
import { type ConversationMaker, type Exchange, inRandomOrder } from './conversation.ts'

const longestCode = 320
const longestDescription = 130

/** The description is the first line of the leading comment, the function the block behind it; some are escaped wrongly. */
function exchangeOf({ id, text }: Document): Exchange | null {
  const [comment, code] = text.split('\n\n', 2)
  const description = /^\/\/ (.+)/.exec(comment ?? '')?.[1]
  const isFunction = code !== undefined && /^(?:const|let|function|async|class) /.test(code) && isClosed(code) && !code.includes('\\`')
  if (!isFunction || code.length > longestCode || !description || description.length > longestDescription) return null
  return { key: id, question: `Write JavaScript: ${description}`, answer: code }
}

/** Whether as many brackets close as open, so that a function with an empty line in it is not cut in two. */
function isClosed(code: string): boolean {
  const count = (pattern: RegExp) => code.match(pattern)?.length ?? 0
  return count(/\{/g) === count(/\}/g) && count(/\(/g) === count(/\)/g) && /[;}]$/.test(code)
}

/** "Write JavaScript: Converts …" */
export const codeSnippets: ConversationMaker = {
  source: 'snippets',
  share: 0.04,
  reads: { domain: 'code', prefix: 'snippets/' },
  exchanges: (documents, rng) => inRandomOrder(documents, rng, exchangeOf),
}
