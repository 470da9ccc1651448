/** The progress line of ablations: which of them, which arm, which of its runs, and how far that run is in tokens. */
import { formatCount } from '../../base/format.ts'
import type { AblationProgress } from '../../pretraining/index.ts'
import type { Output } from '../output.ts'

/** A listener for `runAblation`. */
export const showAblation =
  (output: Output) =>
  ({ name, arm, seed, doneCount, runCount, tokens, totalTokens }: AblationProgress): void =>
    output.progress({
      stage: 'ablate',
      detail: `${name}: ${arm}, seed ${seed}, run ${doneCount + 1} of ${runCount}, ${formatCount(tokens)} of ${formatCount(totalTokens)} tokens`,
    })
