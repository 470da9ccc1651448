/**
 * How far the published system is from this run, each ratio defined once: work of a token in training, tokens read, parameters.
 *
 * Work is counted by the same formulas for both, in the rows of pre-training, the pass of the further tokens included. Sources:
 * DeepSeek-V3 report, sections 4.1 and 4.2.
 */
import { countParameters, presets, trainingFlopsPerToken } from '../../architecture/index.ts'
import { formatCount } from '../../base/format.ts'
import type { RunFacts } from '../run-facts.ts'

/** Tokens in a row, and tokens in all, of the published pre-training. */
const publishedRowLength = 4096
const publishedTokens = 14.8e12

export interface Distance {
  /** FLOPs of one token in pre-training. */
  readonly ownTokenFlops: number
  readonly publishedTokenFlops: number
  /** How many times as much the published system has of each; tokens are null before the first step. */
  readonly workRatio: number
  readonly tokenRatio: number | null
  readonly parameterRatio: number
}

/** The three ratios of a run. */
export function distanceOf(run: RunFacts): Distance {
  const { model, training } = run.document.recipe
  const large = presets['deepseek-v3']
  const ownTokenFlops = trainingFlopsPerToken(model, training.rowLength).totalWithMtp
  const publishedTokenFlops = trainingFlopsPerToken(large, publishedRowLength).totalWithMtp
  const tokens = run.steps('pretrain').at(-1)?.tokens
  return {
    ownTokenFlops,
    publishedTokenFlops,
    workRatio: publishedTokenFlops / ownTokenFlops,
    tokenRatio: tokens === undefined ? null : publishedTokens / tokens,
    parameterRatio: countParameters(large).total / countParameters(model).total,
  }
}

/** "19K times": two digits that count. */
export const ratioTimes = (ratio: number): string => `${formatCount(Number(ratio.toPrecision(2)))} times`
