/** Where an answer can be checked, a rule is reward enough: GRPO with verifiers, and the same with shuffled rewards. */
import { accuracyOf, rlSteps, summarizeReinforcement } from '../findings/accuracies.ts'
import { shareDifference } from '../findings/attempts.ts'
import { pointsOf } from '../share-wording.ts'
import type { Claim } from '../types.ts'
import { counted, digits, percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

export const ruleRewards: Claim = {
  id: 'posttraining.rule-rewards',
  statement: claimStatements['posttraining.rule-rewards'],
  mechanism: 'src/posttraining/grpo.ts',
  needs: needs('rl/step', 'posttraining/accuracy'),
  command: 'strata run nano',
  rule: 'It holds where accuracy on held-out problems rises under the verifiers’ rewards by more than the 95 % interval of the difference, and under the same rewards shuffled among the replies does not. It does not hold where the first falls so, or the second rises so too.',
  judge(run) {
    const [before, after, shuffled] = [accuracyOf(run, 'sft'), accuracyOf(run, 'rl'), accuracyOf(run, 'rl-shuffled')]
    const summary = summarizeReinforcement(rlSteps(run, 'rl'))
    if (!before || !after || !summary) return notTested('The problems were not tried both before and after reinforcement.')
    const gain = shareDifference(after, before)
    const spent = `${summary.steps} steps of ${counted(summary.replies, 'reply', 'replies')} in all`
    const preamble =
      `On ${after.n} held-out problems, accuracy went from ${percent(before.accuracy)} to ${percent(after.accuracy)}, ${pointsOf(gain)}, ` +
      `with a chance level of ${percent(after.chance)}, in ${spent}; the policy moved ${digits(summary.lastKlNats)} nats a token away from its reference.`
    if (!shuffled) return notEstablished(`${preamble} There was no control with shuffled rewards.`)
    const control = shareDifference(shuffled, before)
    const controlSteps = rlSteps(run, 'rl-shuffled').length
    const fewer =
      controlSteps < summary.steps
        ? `; that control had ${controlSteps} of the ${summary.steps} steps, so what it would have come to in as many is not known`
        : ''
    const sentence = `${preamble} With shuffled rewards it went to ${percent(shuffled.accuracy)}, ${pointsOf(control)}${fewer}.`
    if (gain.high < 0 || control.low > 0) return didNotHold(sentence)
    return gain.low > 0 ? held(sentence) : notEstablished(sentence)
  },
}
