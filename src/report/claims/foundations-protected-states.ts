/** Low precision with and without protected states: training in FP8 by the published policy, and without any protection. */
import { type LossError, lossError, lossErrorText, publishedLossError, shareText } from '../findings/precision.ts'
import type { Claim } from '../types.ts'
import { listed } from '../wording.ts'
import { sizeText } from './ablation-facts.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

const isWithin = ({ low, high }: LossError) => low >= -publishedLossError && high <= publishedLossError
const isAbove = ({ low }: LossError) => low > publishedLossError

export const protectedStates: Claim = {
  id: 'foundations.protected-states',
  statement: claimStatements['foundations.protected-states'],
  mechanism: 'src/infrastructure/precision/carry-out.ts',
  needs: needs('ablation/result'),
  command: 'strata ablate fp8-states --seeds 3 --run runs/first',
  rule: 'It holds where the loss after training in FP8 by the policy is within 0.25 % of that in f32 and the loss without any protection is more than 0.25 % above it, each with its whole 95 % interval; it does not hold where the policy’s interval lies above 0.25 % or that of the unprotected training within it; otherwise it is not established.',
  judge(run) {
    const policy = lossError(run, 'fp8-states', 'fp8', 'f32')
    const blind = lossError(run, 'fp8-states', 'fp8-blind', 'f32')
    if (!policy || !blind) return notTested('No model was trained in FP8 beside this run.')
    const single = ['router', 'head', 'sums'].flatMap((state) => {
      const error = lossError(run, 'fp8-states', `fp8-${state}`, 'fp8')
      return error ? [`${state} ${lossErrorText(error)}`] : []
    })
    const alone = single.length === 0 ? '' : ` With one state in FP8 too, against the policy: ${listed(single)}.`
    const sentence = `The loss of training in emulated FP8 by the policy differs from that in f32 by ${lossErrorText(policy)}, without any protection by ${lossErrorText(blind)}; published is less than ${shareText(publishedLossError)} with it (${sizeText(policy.result)}).${alone}`
    if (isAbove(policy) || isWithin(blind)) return didNotHold(sentence)
    return isWithin(policy) && isAbove(blind) ? held(sentence) : notEstablished(sentence)
  },
}
