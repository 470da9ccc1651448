/**
 * The form of a reply to a task: an answer in tags, with a thought in tags before it where there is one.
 *
 *   <think>7 * 20 = 140, 7 * 3 = 21, 140 + 21 = 161</think><answer>161</answer>
 *
 * The tags are those of R1-Zero's template (DeepSeek-R1, section 2.2.3), whose rewards for format ask for the same.
 */

/** Anything but another tag of these. */
const inside = String.raw`((?:(?!</?(?:think|answer)>)[^])*)`

const wholeReply = new RegExp(String.raw`^\s*(?:<think>${inside}</think>\s*)?<answer>${inside}</answer>\s*$`)
const answerTags = new RegExp(`<answer>${inside}</answer>`, 'g')

/** What a reply says. */
export interface ParsedReply {
  /** Whether it is an answer in tags, with at most one thought before it, and nothing else. */
  readonly isWellFormed: boolean
  /** What stands in its one pair of answer tags, without blanks around it; null when there is none, or more than one. */
  readonly answer: string | null
}

/** Reads a reply. More than one answer is no answer: who may say several is paid for guessing. */
export function parseReply(reply: string): ParsedReply {
  const answers = Array.from(reply.matchAll(answerTags), ([, answer]) => answer.trim())
  return { isWellFormed: wholeReply.test(reply), answer: answers.length === 1 ? answers[0] : null }
}

/** Writes a reply. */
export function formatReply(answer: string, reasoning: string | null = null): string {
  return `${reasoning === null ? '' : `<think>${reasoning}</think>`}<answer>${answer}</answer>`
}
