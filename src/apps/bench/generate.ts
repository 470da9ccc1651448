/**
 * `strata bench generate`: prompts, the next token of one sequence, many sequences at once, drafts on and off.
 *
 * Decoding reads every activated weight and the cache once a token, so its ceiling is the stream; a prompt reads the weights
 * once for all its tokens, so its ceiling is the multiply-add. Weights that stay in a processor's cache from token to token
 * can put decoding above the stream.
 */
import { type ModelConfig, presets } from '../../architecture/index.ts'
import { usageError } from '../../base/errors.ts'
import { formatBytes, formatCount } from '../../base/format.ts'
import { createDecodeBench, decodeWork, mostVerifiedTokens, prefillWork } from '../../inference/index.ts'
import { benchRollout, benchSpeculation, openBenchModel } from './generate-more.ts'
import { measureGroup } from './group.ts'
import type { Effort } from './measure.ts'
import type { BenchResult } from './result.ts'
import type { Rig } from './rig.ts'

/** What `benchGenerate` adds to a result. */
export interface GenerateResult extends BenchResult {
  readonly tokensPerSecond: number
  readonly weightBytesPerToken: number
  readonly cacheBytesPerToken: number
  /** Only with drafts. */
  readonly draftedTokens?: number
  readonly acceptedTokens?: number
  readonly steps?: number
}

/** What may be asked for. */
export interface GenerateBenchOptions {
  /** A model folder or a run folder, whose sizes are measured and whose module drafts; the preset `bench` without it. */
  readonly folder?: string
  /** Tokens of prompts, and before the decoded token. */
  readonly contexts?: readonly number[]
}

/** Up to all of the bench model's context: the last one leaves room for the decoded token. */
const defaultContexts = [64, 128, 256, 511]
/** Largest difference from the full forward pass's logits, as a share of the largest of them. */
const allowedError = 1e-4

function checkContexts(contexts: readonly number[]): void {
  const wrong = contexts.find((context) => context < 1 || context > mostVerifiedTokens)
  if (wrong !== undefined)
    throw usageError('--contexts', `tokens from 1 to ${mostVerifiedTokens}: results are verified against a full pass`, `${wrong}`)
}

/** Measures prompts and decoding on one thread and on all; rollouts and drafts on all. */
export function benchGenerate(
  rig: Rig,
  effort: Effort,
  { folder, contexts = defaultContexts }: GenerateBenchOptions = {},
): GenerateResult[] {
  checkContexts(contexts)
  using _scope = rig.all.scope()
  const given = openBenchModel(rig.all, folder)
  const config = folder === undefined ? presets.bench : given.model.config
  return [
    ...rig.machines.flatMap((machine) => contexts.flatMap((context) => benchContext(rig, machine, effort, config, context))),
    ...benchRollout(rig, effort, config),
    ...benchSpeculation(rig, effort, given),
  ]
}

/**
 * Prefill of a context, and the token behind it.
 *
 * @param machine one of the rig's
 */
export function benchContext(rig: Rig, machine: Rig['all'], effort: Effort, config: ModelConfig, context: number): GenerateResult[] {
  using _scope = machine.scope()
  const bench = createDecodeBench(machine, config, context)
  const kinds = [
    { name: 'prefill', tokens: context, work: prefillWork(config, context), run: bench.prefill, error: bench.prefillError },
    { name: 'decode', tokens: 1, work: decodeWork(config, context, 1), run: bench.run, error: bench.error },
  ]
  const cases = kinds.map(({ name, tokens, work, run, error }) => ({
    name,
    shape: { context, sequences: 1 },
    flops: tokens * work.flops,
    bytes: tokens * (work.weightBytes + work.cacheBytes),
    run,
    verify: () => ({ error: error(), allowed: allowedError }),
  }))
  return measureGroup(rig, machine, cases, effort).map((result, i) =>
    Object.assign(result, {
      tokensPerSecond: kinds[i].tokens / result.medianSeconds,
      weightBytesPerToken: kinds[i].work.weightBytes,
      cacheBytesPerToken: kinds[i].work.cacheBytes,
    }),
  )
}

const rateOf = ({ tokensPerSecond }: GenerateResult) => `${formatCount(Math.round(tokensPerSecond))} tokens/s`

function lineOf(result: GenerateResult): string {
  const { name, threads, shape, weightBytesPerToken, cacheBytesPerToken, draftedTokens, acceptedTokens, steps } = result
  const on = `${rateOf(result)} on ${threads}`
  if (name === 'prefill') return `prefill: ${on}, a prompt of ${shape['context']} tokens`
  if (name === 'decode')
    return `decode: ${on} after ${shape['context']} tokens; each reads ${formatBytes(weightBytesPerToken)} of weights and ${formatBytes(cacheBytesPerToken)} of cache`
  if (name === 'rollout') return `rollout: ${on}, ${shape['rows']} at a time`
  const drafts = draftedTokens
    ? `; ${acceptedTokens} of ${draftedTokens} drafts kept, ${(1 + acceptedTokens! / steps!).toFixed(2)} tokens a step`
    : ''
  return `${name}: ${on}${drafts}`
}

/** What the table of results does not say. */
export function generateText(results: readonly GenerateResult[]): string {
  const [single, ...more] = results.filter(({ name }) => name === 'rollout')
  const [off, on] = ['without drafts', 'with drafts'].map((name) => results.find((result) => result.name === name))
  const ratio = (a: GenerateResult, b: GenerateResult) => (a.tokensPerSecond / b.tokensPerSecond).toFixed(2)
  return [
    ...results.map(lineOf),
    ...more.map((batched) => `${batched.shape['rows']} rollouts at a time: ${ratio(batched, single)} times the tokens of one at a time`),
    ...(off && on ? [`drafts: ${ratio(on, off)} times the tokens/s without them, the same text`] : []),
  ].join('\n')
}
