/**
 * The factor on the routed experts' output that keeps it as large as one dense FFN's.
 *
 * Gates that sum to one weigh experts whose outputs point in unrelated directions, so their sum is shorter than one output
 * by the root of the sum of squared gates. Moonlight sets the factor to undo that at initialisation, where the logits are
 * standard normal: 2.446 for 6 of 64 experts. Kimi-K2's 2.827 is the same rule for 8 of
 * 384, where it gives 2.8277. V3's 2.5 is below what it gives for 8 of 256.
 * Source: the Moonlight report (2025).
 */
import type { Random } from '../base/random.ts'

/**
 * The mean of 1 / sqrt(sum of g²) over draws of a token's gates, by Monte Carlo.
 *
 *   g = top A of sigmoid(normal logits of E experts), divided by their sum
 *
 * @param expertCount       E
 * @param activeExpertCount A
 * @param rng               a stream of its own
 * @param drawCount         tokens to draw; the error falls with the root of it
 * @returns at most sqrt(A), reached by equal gates
 */
export function balancedRoutedScale(expertCount: number, activeExpertCount: number, rng: Random, drawCount = 1000): number {
  const affinities = new Float64Array(expertCount)
  let total = 0
  for (let draw = 0; draw < drawCount; draw++) {
    for (let expert = 0; expert < expertCount; expert++) affinities[expert] = 1 / (1 + Math.exp(-rng.normal()))
    const chosen = affinities.sort().subarray(expertCount - activeExpertCount)
    const sum = chosen.reduce((a, b) => a + b, 0)
    const squares = chosen.reduce((a, b) => a + b * b, 0)
    total += sum / Math.sqrt(squares)
  }
  return total / drawCount
}
