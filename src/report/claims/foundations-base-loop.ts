/** Forward, loss, backward, step: the loop as it ran, and whether it learned. */
import { trainingFlopsPerToken } from '../../architecture/index.ts'
import { formatFlops } from '../../base/format.ts'
import { mean, meanInterval } from '../../base/statistics.ts'
import type { StepEvent } from '../../pretraining/index.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { digits, nats, percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

/** Steps that may be skipped, as a share. */
const mostSkipped = 0.01

/** Work of a token by phase, MTP included; attention and weights together. */
export interface PhaseFlops {
  readonly forward: number
  readonly backwardForInputs: number
  readonly backwardForWeights: number
}

/** A token's work: a forward pass, and as much each for the gradients of inputs and of weights. */
export function phasesOf({ document: { recipe } }: RunFacts): PhaseFlops {
  const { totalWithMtp } = trainingFlopsPerToken(recipe.model, recipe.training.rowLength)
  return { forward: totalWithMtp / 3, backwardForInputs: totalWithMtp / 3, backwardForWeights: totalWithMtp / 3 }
}

/** Loss of the first and of the last tenth of the steps, with 95 % intervals; null for a run of fewer than twenty steps. */
export function lossEnds(steps: readonly StepEvent[]) {
  const count = Math.floor(steps.length / 10)
  if (count < 2) return null
  const losses = steps.map(({ lossNats }) => lossNats)
  return { first: meanInterval(losses.slice(0, count)), last: meanInterval(losses.slice(-count)) }
}

/** FLOP/s of all steps together. */
export const reachedFlops = (steps: readonly StepEvent[]): number =>
  mean(steps.map(({ modelFlops }) => modelFlops)) / mean(steps.map(({ stepSeconds }) => stepSeconds))

export const baseLoop: Claim = {
  id: 'foundations.base-loop',
  statement: claimStatements['foundations.base-loop'],
  mechanism: 'src/pretraining/training-step.ts',
  needs: needs('training/step'),
  command: 'strata run nano',
  rule: `It holds where the loss of the last tenth of the steps lies below that of the first, the 95 % intervals apart, and at most ${100 * mostSkipped} % of the steps were skipped.`,
  judge(run) {
    const steps = run.steps('pretrain')
    const ends = lossEnds(steps)
    if (!ends) return notTested(`Pre-training took ${steps.length} steps, which are too few to compare its ends.`)
    const skipped = run.ofType('training/skipped').filter(({ stage }) => stage === 'pretrain').length
    const { first, last } = ends
    const skippedShare = skipped / (steps.length + skipped)
    const sentence = `Over ${steps.length} steps of the loop the loss went from ${digits(first.value)} (${digits(first.low)} to ${digits(first.high)}, first ${first.count} steps) to ${nats(last.value)} (${digits(last.low)} to ${digits(last.high)}, last ${last.count}); ${percent(skippedShare)} of the steps were skipped; the steps together reached ${formatFlops(reachedFlops(steps))}.`
    return last.high < first.low && skippedShare <= mostSkipped ? held(sentence) : didNotHold(sentence)
  },
}
