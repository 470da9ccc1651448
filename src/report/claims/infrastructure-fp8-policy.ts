/** FP8 as a policy of storage, compute, scaling and accumulation. This version has no FP8 arithmetic to take apart. */
import type { Claim } from '../types.ts'
import { claimStatements } from './catalogue.ts'
import { noExperiment, notTested } from './verdicts.ts'

export const fp8Policy: Claim = {
  id: 'infrastructure.fp8-policy',
  statement: claimStatements['infrastructure.fp8-policy'],
  mechanism: 'src/architecture/tensor-names.ts',
  needs: [],
  command: noExperiment,
  rule: 'It holds where scales by tile, short accumulation intervals and protected storage each lower the error of a layer, and leaving one out is felt in the loss.',
  judge: () =>
    notTested(
      'This version computes in f32; FP8 enters only as the layout of the released checkpoint, whose bytes it counts, and as bytes that the planner sends.',
    ),
}
