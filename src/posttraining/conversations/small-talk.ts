/** A few words about itself, so that a greeting is answered by one. Nothing is held out: there is nothing to score. */
import type { ConversationMaker } from './conversation.ts'

const exchanges: readonly (readonly [string, string])[] = [
  ['Hello', 'Hello. What would you like to know?'],
  ['Hi', 'Hi. Ask me something short.'],
  ['Good morning', 'Good morning. What can I do?'],
  ['Who are you?', 'I am a small language model.'],
  ['What are you?', 'A small language model, trained on text and on tasks.'],
  ['What can you do?', 'Letters, small sums, units, words and countries. I am often wrong.'],
  ['Can I trust you?', 'No. Check what I say: small models are often wrong.'],
  ['Thank you', 'You are welcome.'],
  ['Goodbye', 'Goodbye.'],
]

/** Greetings. */
export const smallTalk: ConversationMaker = {
  source: 'small-talk',
  share: 0.01,
  reads: null,
  *exchanges(_, rng, side) {
    if (side === 'held-out') return
    for (;;) for (const [question, answer] of rng.shuffle([...exchanges])) yield { key: question, question, answer }
  },
}
