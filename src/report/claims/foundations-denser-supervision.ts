/** Multi-token prediction: what it does to the main loss, and what its module is worth as a drafter. */
import type { Claim } from '../types.ts'
import { digits, percent } from '../wording.ts'
import { ablationsOf, differenceText } from './ablation-facts.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

export const denserSupervision: Claim = {
  id: 'foundations.denser-supervision',
  statement: claimStatements['foundations.denser-supervision'],
  mechanism: 'src/architecture/model.ts',
  needs: needs('ablation/result', 'inference/speculation'),
  command: 'strata ablate mtp --seeds 3 --run runs/first',
  rule: 'It holds where, at equal tokens, training with the module does not raise the main loss (the interval does not lie above zero) and decoding with its drafts gives more tokens a second than decoding without.',
  judge(run) {
    const [result] = ablationsOf(run, 'mtp')
    const speculation = run.lastOf('inference/speculation')
    if (!result || !speculation || speculation.drafted === 0)
      return notTested('Either the ablation or the measurement of drafts is missing.')
    const gain = speculation.tokensPerSecondOn / speculation.tokensPerSecondOff
    const acceptance = speculation.accepted / speculation.drafted
    const sentence = `The main loss with the module less that without is ${differenceText(result, true)}; its drafts were accepted in ${percent(acceptance)} of ${speculation.drafted} cases, and decoding with them ran at ${digits(gain)} times the speed of decoding without.`
    return result.low <= 0 && gain > 1 ? held(sentence) : didNotHold(sentence)
  },
}
