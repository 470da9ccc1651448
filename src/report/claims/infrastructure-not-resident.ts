/** What need not stay in memory. This version keeps every activation of a micro-batch, so there is a forecast and no control. */
import type { Claim } from '../types.ts'
import { claimStatements } from './catalogue.ts'
import { noExperiment, notTested } from './verdicts.ts'

export const notResident: Claim = {
  id: 'infrastructure.not-resident',
  statement: claimStatements['infrastructure.not-resident'],
  mechanism: 'src/compute/keeping.ts',
  needs: [],
  command: noExperiment,
  rule: 'It holds where recomputation, an FP8 cache of activations, BF16 moments and an average kept elsewhere each lower the measured peak of the heap, and all together by what was predicted.',
  judge: () =>
    notTested(
      'Training kept every activation of a micro-batch; the peak of the heap was measured with all of them and compared with its forecast, not with a run that makes some of them again.',
    ),
}
