/** Fine-tuning teaches the form of an answer and when to end it, and a base of usefulness: the same problems before and after. */
import { accuracyOf, beforeSft, type Accuracy } from '../findings/accuracies.ts'
import { type Attempts, shareDifference } from '../findings/attempts.ts'
import { pointsOf } from '../share-wording.ts'
import type { Claim } from '../types.ts'
import { percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

/** A rate of replies as attempts. */
const attemptsAt = ({ n }: Accuracy, rate: number): Attempts => ({ correct: Math.round(rate * n), n })

export const sftFormat: Claim = {
  id: 'posttraining.sft-format',
  statement: claimStatements['posttraining.sft-format'],
  mechanism: 'src/posttraining/sft-stage.ts',
  needs: needs('posttraining/accuracy'),
  command: 'strata run nano',
  rule: 'It holds where fine-tuning raises the share of well-formed replies, of replies that end by themselves and of right answers, each by more than the 95 % interval of the difference; it does not hold where form or ending is not raised so. Tone is not measured.',
  judge(run) {
    const [before, after] = [beforeSft(run), accuracyOf(run, 'sft')]
    if (!before || !after) return notTested('The problems were not tried both before and after fine-tuning.')
    const form = shareDifference(attemptsAt(after, after.formatRate), attemptsAt(before, before.formatRate))
    const ending = shareDifference(attemptsAt(after, after.stopRate), attemptsAt(before, before.stopRate))
    const right = shareDifference(after, before)
    const sentence =
      `On ${after.n} held-out problems, well-formed replies went from ${percent(before.formatRate)} to ${percent(after.formatRate)}, ${pointsOf(form)}; ` +
      `replies that end by themselves from ${percent(before.stopRate)} to ${percent(after.stopRate)}, ${pointsOf(ending)}; ` +
      `right answers from ${percent(before.accuracy)} to ${percent(after.accuracy)}, ${pointsOf(right)}, with a chance level of ${percent(after.chance)}.`
    if (form.low <= 0 || ending.low <= 0) return didNotHold(sentence)
    return right.low > 0
      ? held(sentence)
      : notEstablished(`${sentence} Form and ending were learnt; more right answers are not established.`)
  },
}
