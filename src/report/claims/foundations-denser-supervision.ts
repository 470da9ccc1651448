/** Multi-token prediction: what it does to the main loss, and what its module is worth as a drafter. */
import { draftsOf, draftVerdict, speedText } from '../findings/drafts.ts'
import type { Claim } from '../types.ts'
import { digits, percent } from '../wording.ts'
import { ablationsOf, differenceText } from './ablation-facts.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

export const denserSupervision: Claim = {
  id: 'foundations.denser-supervision',
  statement: claimStatements['foundations.denser-supervision'],
  mechanism: 'src/architecture/model.ts',
  needs: needs('ablation/result', 'inference/speculation'),
  command: 'strata ablate mtp --seeds 3 --run runs/first',
  rule: 'It holds where, at equal tokens, training with the module does not raise the main loss (the interval does not lie above zero) and decoding with its drafts gives more tokens a second than decoding without, by the whole 95 % interval over texts. It does not hold where the loss is raised or drafts are slower by their whole interval; otherwise it is not established.',
  judge(run) {
    const [result] = ablationsOf(run, 'mtp')
    const drafts = draftsOf(run)
    if (!result || !drafts) return notTested('Either the ablation or the measurement of drafts is missing.')
    const sentence = `The main loss with the module less that without is ${differenceText(result, true)}; its drafts were accepted in ${percent(drafts.acceptance.value)} of ${drafts.drafted} cases, and decoding with them ran at ${speedText(drafts, digits)} of decoding without.`
    const speed = draftVerdict(drafts)
    if (result.low > 0 || speed === 'slower') return didNotHold(sentence)
    return speed === 'faster' ? held(sentence) : notEstablished(sentence)
  },
}
