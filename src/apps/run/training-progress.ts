/** The progress line of training, from the loop's events; time left follows the last steps' speed. */
import { movingAverage } from '../../base/statistics.ts'
import type { TrainingEvent } from '../../pretraining/index.ts'
import type { Output } from '../output.ts'

/** Weight of the past in the speed that is shown. */
const smoothing = 0.9

/** A listener for the loop. @param stage as the line calls it */
export function showTraining(output: Output, stage: string): (event: TrainingEvent) => void {
  const smooth = { tokensPerSecond: movingAverage(smoothing), peakShare: movingAverage(smoothing) }
  let stepCount = 0
  return (event) => {
    if (event.type === 'training/start') stepCount = event.stepCount
    else if (event.type === 'training/skipped') {
      output.warn(
        `step ${event.step} was skipped: loss ${event.lossNats}, gradient norm ${event.gradientNorm}; events.jsonl names the batch`,
      )
    } else if (event.type === 'training/step') {
      const tokensPerSecond = smooth.tokensPerSecond(event.tokensPerSecond)
      output.progress({
        stage,
        step: event.step,
        stepCount,
        lossNats: event.lossNats,
        learningRate: event.learningRate,
        gradientNorm: event.gradientNorm,
        tokensPerSecond,
        peakShare: event.peakShare === null ? undefined : smooth.peakShare(event.peakShare),
        maxViolation: event.maxViolation.mean,
        secondsLeft: ((stepCount - event.step) * event.batchTokens) / tokensPerSecond,
      })
    }
  }
}
