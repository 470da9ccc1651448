/**
 * `strata bench generate`: the next token of one sequence, absorbed attention on the latent cache. Decoding reads every
 * activated weight and the cache once a token, so its ceiling is the stream. Weights that stay in a processor's cache
 * from token to token can put it above.
 */
import { decodeFlopsPerToken, type ModelConfig, presets } from '../../architecture/index.ts'
import { formatBytes, formatCount } from '../../base/format.ts'
import { createDecodeBench } from '../../inference/index.ts'
import { measureGroup } from './group.ts'
import type { Effort } from './measure.ts'
import type { BenchResult } from './result.ts'
import type { Rig } from './rig.ts'

/** What `benchGenerate` adds to a result. */
export interface GenerateResult extends BenchResult {
  readonly tokensPerSecond: number
  readonly weightBytesPerToken: number
  readonly cacheBytesPerToken: number
}

/** Tokens that stand before the decoded one: half of the model's longest context, and all of it. */
const contexts = [256, 511]
/** Largest difference from the full forward pass's logits, as a share of the largest of them. */
const allowedError = 1e-4

/** Measures decoding on one thread and on all. */
export function benchGenerate(
  rig: Rig,
  effort: Effort,
  config: ModelConfig = presets.bench,
  contextLengths: readonly number[] = contexts,
): GenerateResult[] {
  return rig.machines.flatMap((machine) =>
    contextLengths.flatMap((context) => {
      using _scope = machine.scope()
      const { run, error, bytesPerToken, weightBytesPerToken, cacheBytesPerToken } = createDecodeBench(machine, config, context)
      const flops = decodeFlopsPerToken(config, context + 1)
      const verify = () => ({ error: error(), allowed: allowedError })
      const cases = [{ name: 'decode', shape: { context, sequences: 1 }, flops, bytes: bytesPerToken, run, verify }]
      return measureGroup(rig, machine, cases, effort).map((result) =>
        Object.assign(result, { tokensPerSecond: 1 / result.medianSeconds, weightBytesPerToken, cacheBytesPerToken }),
      )
    }),
  )
}

/** What the table of results does not say. */
export function generateText(results: readonly GenerateResult[]): string {
  return results
    .map(
      ({ threads, shape, tokensPerSecond, weightBytesPerToken, cacheBytesPerToken }) =>
        `${formatCount(Math.round(tokensPerSecond))} tokens/s on ${threads} after ${shape['context']} tokens; each reads ${formatBytes(weightBytesPerToken)} of weights and ${formatBytes(cacheBytesPerToken)} of cache`,
    )
    .join('\n')
}
