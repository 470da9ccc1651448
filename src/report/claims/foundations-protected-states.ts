/** Low precision with and without protected states. This version trains in f32 throughout, so nothing bears on it. */
import type { Claim } from '../types.ts'
import { claimStatements } from './catalogue.ts'
import { noExperiment, notTested } from './verdicts.ts'

export const protectedStates: Claim = {
  id: 'foundations.protected-states',
  statement: claimStatements['foundations.protected-states'],
  mechanism: 'src/foundations/adamw.ts',
  needs: [],
  command: noExperiment,
  rule: 'It holds where training in FP8 with gate, norms, head, moments and sums protected ends within 0.25 % of the loss in full precision, and training in FP8 without that protection does not.',
  judge: () =>
    notTested(
      'Weights, gradients, moments and sums of this version are f32 throughout; it has no FP8 arithmetic to take protection away from.',
    ),
}
