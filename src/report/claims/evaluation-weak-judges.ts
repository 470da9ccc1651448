/** What judging by models would have to show. This version has scores by likelihood and by verifiers, no judges. */
import type { Claim } from '../types.ts'
import { claimStatements } from './catalogue.ts'
import { noExperiment, notTested } from './verdicts.ts'

export const weakJudges: Claim = {
  id: 'evaluation.weak-judges',
  statement: claimStatements['evaluation.weak-judges'],
  mechanism: 'src/evaluation/score-items.ts',
  needs: [],
  command: noExperiment,
  rule: 'It would hold where a judge that sees a pair in both orders contradicts itself more often than a verifier does, which never does.',
  judge: () => notTested('No judge compares replies in this version; every score here is a likelihood or an exact match.'),
}
