/** The same words in another form: lists, JSON, quotes, counts. Generated; a question's own text says on which side it lies. */
import type { Random } from '../../base/random.ts'
import { heldOutProblemShare, isHeldOutProblem } from '../../foundations/index.ts'
import { between, pick } from '../../foundations/tasks/task.ts'
import type { ConversationMaker, Exchange } from './conversation.ts'

const things =
  'apples bread butter cheese coffee eggs flour honey milk nuts oil onions pears pepper plums rice salt soup sugar tea wine books boots candles chairs coins doors keys lamps letters maps mirrors nails pencils ropes shoes stones tables tools windows'.split(
    ' ',
  )
const names = 'Ada Ben Chen Dana Emil Grace Hugo Ines Jonas Kofi Lena Maya Nils Olga Pavel Rosa'.split(' ')

const drawThings = (rng: Random, low: number, high: number) => rng.shuffle([...things]).slice(0, between(rng, low, high))

const forms: readonly ((rng: Random) => Omit<Exchange, 'key'>)[] = [
  (rng) => {
    const items = drawThings(rng, 2, 4)
    return { question: `Write as a list: ${items.join(', ')}`, answer: items.map((item) => `- ${item}`).join('\n') }
  },
  (rng) => {
    const items = drawThings(rng, 2, 4)
    return { question: `Number these: ${items.join(', ')}`, answer: items.map((item, index) => `${index + 1}. ${item}`).join('\n') }
  },
  (rng) => {
    const items = drawThings(rng, 3, 4)
    return { question: `Join with commas: ${items.join(' ')}`, answer: items.join(', ') }
  },
  (rng) => {
    const [name, age] = [pick(rng, names), between(rng, 2, 99)]
    return { question: `Write as JSON: name ${name}, age ${age}`, answer: JSON.stringify({ name, age }) }
  },
  (rng) => {
    const items = drawThings(rng, 2, 3)
    return { question: `Write as a JSON list: ${items.join(', ')}`, answer: JSON.stringify(items) }
  },
  (rng) => {
    const items = drawThings(rng, 1, 6)
    return { question: `How many words: ${items.join(' ')}`, answer: `${items.length}` }
  },
  (rng) => {
    const items = drawThings(rng, 3, 5)
    return { question: `Which comes last: ${items.join(', ')}`, answer: items.at(-1)! }
  },
]

/** Lists, JSON, counts. */
export const formatting: ConversationMaker = {
  source: 'formatting',
  share: 0.1,
  reads: null,
  *exchanges(_, rng, side) {
    for (;;) {
      const { question, answer } = pick(rng, forms)(rng)
      if (isHeldOutProblem(question, heldOutProblemShare) === (side === 'held-out')) yield { key: question, question, answer }
    }
  },
}
