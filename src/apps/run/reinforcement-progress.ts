/** The progress line of reinforcement: reward, share of right replies, divergence. */
import { movingAverage } from '../../base/statistics.ts'
import type { PosttrainingLogEvent } from '../../posttraining/index.ts'
import type { Output } from '../output.ts'

/** Weight of the past in what is shown. */
const smoothing = 0.8

/** A listener for the stage. @param stage as the line calls it */
export function showReinforcement(output: Output, stage: string): (event: PosttrainingLogEvent) => void {
  const smooth = { seconds: movingAverage(smoothing), accuracy: movingAverage(smoothing), reward: movingAverage(smoothing) }
  let stepCount = 0
  return (event) => {
    if (event.type === 'training/start') stepCount = event.stepCount
    else if (event.type === 'sft/data') {
      output.note(
        `chats     ${event.conversations} conversations in ${event.rows} rows of ${event.rowLength}, ${event.supervisedTokens} of ${event.tokens} tokens to be learned`,
      )
      if (event.droppedTooLong > 0)
        output.note(
          `          ${event.droppedTooLong} of ${event.conversations} conversations are longer than a row of sft.rowLength = ${event.rowLength} tokens and are left out`,
        )
    } else if (event.type === 'rl/verifier-fault')
      output.warn(
        `step ${event.step}: the verifier failed on ${event.count} of ${event.replies} replies, which count as wrong: ${event.fault}`,
      )
    else if (event.type === 'rl/step') {
      const { step, rewardMean, accuracy, klNats, rolloutTokensPerSecond, gradientNorm } = event
      const detail = `reward ${smooth.reward(rewardMean).toFixed(3)}  right ${(smooth.accuracy(accuracy) * 100).toFixed(0)} %  KL ${klNats.toFixed(4)}`
      const secondsLeft = smooth.seconds(event.stepSeconds) * (stepCount - step)
      output.progress({ stage, step, stepCount, gradientNorm, tokensPerSecond: rolloutTokensPerSecond, secondsLeft, detail })
    }
  }
}
