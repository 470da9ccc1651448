/** Replies drawn by the engine from the policy's own weights, as text and as what a verifier makes of them. */
import type { Random } from '../base/random.ts'
import { type Problem, type Score, scoreOf, type Tokenizer } from '../foundations/index.ts'
import { rollout, type RolloutEngine } from '../inference/index.ts'
import type { Judge } from './judge.ts'
import { promptIdsOf } from './rl-problems.ts'

/** A reply and its verdict. */
export interface Reply extends Score {
  /** Which of the problems it answers. */
  readonly problemIndex: number
  readonly promptIds: Int32Array
  /** Drawn ids, the end of text included. */
  readonly ids: Int32Array
  /** ln p of each by the sampler, at temperature 1. */
  readonly logProbabilities: Float32Array
  /** Whether it ended by itself. */
  readonly isStopped: boolean
  /** Without its end. */
  readonly text: string
  /** Why there is no verdict, if there is none. */
  readonly fault: string | null
}

export interface ReplyOptions {
  readonly samplesPerProblem: number
  readonly maxTokens: number
  readonly temperature: number
  /** A stream of its own: reply n draws from a fork of it by its number. */
  readonly rng: Random
}

/**
 * Draws replies to problems and judges them; those to one problem stand together.
 *
 * @throws BrokenVerifier when the judge gives no verdicts
 */
export async function drawReplies(
  engine: RolloutEngine & { readonly tokenizer: Tokenizer },
  problems: readonly Problem[],
  judge: Judge,
  { samplesPerProblem, maxTokens, temperature, rng }: ReplyOptions,
): Promise<{ readonly replies: readonly Reply[]; readonly rolloutSeconds: number }> {
  const { tokenizer } = engine
  const { model } = engine.decoder
  const room = Math.min(model.config.maxLength, model.cosine_TP.shape[0])
  const prompts = problems.map((problem) => promptIdsOf(tokenizer, problem, maxTokens, room))
  const begun = performance.now()
  const drawn = rollout(engine, prompts, {
    samplesPerPrompt: samplesPerProblem,
    maxTokens,
    temperature,
    seedOf: (index) => rng.fork(`${index}`).uint32(),
    stopIds: [tokenizer.eosId],
  })
  const rolloutSeconds = (performance.now() - begun) / 1000
  const replies: Reply[] = []
  for (const [index, { ids, logProbabilities }] of drawn.entries()) {
    const problemIndex = Math.floor(index / samplesPerProblem)
    const isStopped = ids.at(-1) === tokenizer.eosId
    const text = tokenizer.decode(isStopped ? ids.subarray(0, -1) : ids)
    const verdict = await judge.verify(problems[problemIndex], text)
    replies.push({
      ...scoreOf(verdict),
      problemIndex,
      promptIds: prompts[problemIndex],
      ids,
      logProbabilities,
      isStopped,
      text,
      fault: verdict.fault,
    })
  }
  judge.rejectSilence()
  return { replies, rolloutSeconds }
}
