/** What a reward model would have to show. This version has verifiers only. */
import type { Claim } from '../types.ts'
import { claimStatements } from './catalogue.ts'
import { noExperiment, notTested } from './verdicts.ts'

export const modelRewards: Claim = {
  id: 'posttraining.model-rewards',
  statement: claimStatements['posttraining.model-rewards'],
  mechanism: 'src/foundations/tasks/score.ts',
  needs: [],
  command: noExperiment,
  rule: 'It would hold where a reward model agrees with held-out preferences more often than chance, and choosing the best of n replies by it raises their true quality up to some n.',
  judge: () =>
    notTested(
      'Every reward of this version comes from a verifier; no reward model is trained, so its agreement and its over-optimisation are not measured.',
    ),
}
