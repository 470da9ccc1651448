/** Replies drawn by the engine from the policy's own weights, as text and as what a verifier makes of them. */
import type { Random } from '../base/random.ts'
import { type Problem, type Score, scoreOf, type Tokenizer, verifyReply } from '../foundations/index.ts'
import { rollout, type RolloutEngine } from '../inference/index.ts'
import { type GuardedVerdict, guardVerifier } from './guard-verifier.ts'
import { promptIdsOf } from './rl-problems.ts'
import { VerifierSandbox } from './verifier-sandbox.ts'

/** Judges a reply and never fails. */
export type Judge = (problem: Problem, reply: string) => GuardedVerdict | Promise<GuardedVerdict>

/** Judges of a recipe, and how to let go of them. */
export interface OpenJudge {
  readonly judge: Judge
  readonly close: () => Promise<void>
}

/**
 * The verifier of a recipe: its own module behind a time limit, or the tasks' own.
 *
 * @param modulePath of the recipe; null for the tasks' own
 * @throws UsageError when the module cannot be used
 */
export async function openJudge(modulePath: string | null): Promise<OpenJudge> {
  if (modulePath === null) return { judge: guardVerifier(verifyReply), close: async () => {} }
  const sandbox = await VerifierSandbox.open(modulePath)
  return { judge: (problem, reply) => sandbox.verify(problem, reply), close: () => sandbox.close() }
}

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

/** Draws replies to problems and judges them; those to one problem stand together. */
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
    const verdict = await judge(problems[problemIndex], text)
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
  return { replies, rolloutSeconds }
}
