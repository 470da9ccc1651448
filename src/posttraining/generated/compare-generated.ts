/**
 * What generated data is worth: the fine-tuned model is fine-tuned further on its own samples, raw, filtered and re-weighted.
 *
 * All three begin from the fine-tuned model and not from the base: raw samples of a model are, on the average, what it says
 * already, so training on them should change nothing, and whatever the other sets change is owed to the verifier that chose
 * them. From the base model the same samples would mostly teach the form that fine-tuning teaches, and hide the choice behind it.
 * Size, steps, rates and held-out problems are the same for all.
 *
 * The DeepSeek-V3 report draws its reasoning data so, by rejection sampling from expert models (section 5.1). Nothing is saved
 * on the way: cut short it begins anew, and comes to the same numbers. Claim: posttraining.filtered-data.
 */
import { usageError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { pairedDifference, shareInterval } from '../../base/statistics.ts'
import { createModel, type Model } from '../../architecture/index.ts'
import type { Machine } from '../../compute/index.ts'
import { chanceLevel, createAdamW, drawProblems, type Tokenizer, v3ChatTemplate } from '../../foundations/index.ts'
import { Engine } from '../../inference/index.ts'
import { readStageWeights } from '../../infrastructure/index.ts'
import { checkHeap, configAfter, type Recipe, stageTraining, train } from '../../pretraining/index.ts'
import { answerOnce, type AnsweredOnce } from '../accuracy.ts'
import type { Conversation } from '../conversations/conversation.ts'
import { openJudge } from '../judge.ts'
import { answerProblems, type Answered, nothingToLearn } from '../reward/answers.ts'
import { chooseTasks } from '../rl-problems.ts'
import { rolloutRows } from '../rl-stage.ts'
import { SftRows } from '../sft-rows.ts'
import type { GeneratedArm, GeneratedDataEvent } from './events.ts'
import { generatedSets, type Sample } from './generated-sets.ts'

export interface GeneratedSettings {
  readonly problems: number
  readonly samplesPerProblem: number
  /** Passes over the raw samples; the other sets are trained on for as many steps. */
  readonly epochs: number
  /** Highest rate of the cosine as a share of fine-tuning's. */
  readonly rateShare: number
}

/** Settings of a run: those of nano, or fewer problems where its reinforcement has fewer. */
export const generatedSettings = ({ rl }: Recipe): GeneratedSettings => ({
  problems: Math.min(1000, (rl?.steps ?? 0) * (rl?.problemsPerStep ?? 0)),
  samplesPerProblem: 8,
  epochs: 3,
  rateShare: 0.25,
})

export interface GeneratedSurroundings {
  readonly machine: Machine
  readonly recipe: Recipe
  readonly tokenizer: Tokenizer
  /** Folder of the last checkpoint of fine-tuning. */
  readonly from: string
  readonly settings?: GeneratedSettings
  /** Awaited between two pieces of work; may throw to end it. */
  readonly onProgress?: (what: string, share: number) => Promise<void>
}

/**
 * Draws, filters, fine-tunes and scores.
 *
 * @throws UsageError when the recipe does not fine-tune and reinforce, or no reply is right
 */
export async function compareGenerated(around: GeneratedSurroundings): Promise<GeneratedDataEvent> {
  const { recipe, machine, settings = generatedSettings(recipe) } = around
  if (recipe.sft === null || recipe.rl === null)
    throw usageError('recipe', 'sections sft and rl', 'one that is null', 'Use a recipe that fine-tunes and reinforces.')
  const begun = performance.now()
  using _scope = machine.scope()
  const { answered, before } = await drawAndScore(around, settings)
  const sets = generatedSets(answered, Random.seeded(recipe.seed).fork('generated/weights'))
  const { raw, filtered, reweighted, rightCount, duplicateCount } = sets
  if (filtered.length === 0) throw nothingToLearn('filtered-data', 'samples that a verifier lets through', answered)
  const rows = rowsOf(around, raw)
  const { rowLength, rows: batchRows } = recipe.sft
  const steps = Math.ceil((settings.epochs * rows.packing(rowLength).rows) / batchRows)
  const tokens = steps * batchRows * rowLength

  const arms: GeneratedArm[] = [armOf('start', [], before, null, null)]
  let ofRaw: readonly AnsweredOnce[] | null = null
  for (const [arm, samples] of [
    ['raw', raw],
    ['filtered', filtered],
    ['re-weighted', reweighted],
  ] as const) {
    const scored = await tuneAndScore(around, arm, samples, tokens, settings.rateShare)
    arms.push(armOf(arm, samples, scored, before, ofRaw))
    ofRaw ??= scored
  }
  return {
    type: 'posttraining/generated-data',
    problems: answered.length,
    samplesPerProblem: settings.samplesPerProblem,
    rightCount,
    duplicateCount,
    size: filtered.length,
    steps,
    tokens,
    heldOutProblems: before.length,
    chance: chanceLevel(before.map(({ problem }) => problem)),
    arms,
    seconds: (performance.now() - begun) / 1000,
  }
}

/** The fine-tuned model's replies to training problems, and to those that it is scored on. */
async function drawAndScore(
  around: GeneratedSurroundings,
  { problems: count, samplesPerProblem }: GeneratedSettings,
): Promise<{ readonly answered: readonly Answered[]; readonly before: readonly AnsweredOnce[] }> {
  const { recipe, machine, from, tokenizer, onProgress } = around
  const { tasks, level, maxTokens, verifier } = recipe.rl!
  const config = configAfter(recipe, 'sft')
  using _scope = machine.scope()
  const model = createModel(machine, config, { withGradients: false, length: config.maxLength })
  readStageWeights(from, model)
  const engine = new Engine(model, tokenizer, rolloutRows)
  const rng = Random.seeded(recipe.seed).fork('generated')
  const chosen = chooseTasks(tasks).map(({ task }) => task)
  const problems = drawProblems(chosen, rng.fork('problems'), { side: 'train', count, level })
  const judge = await openJudge(verifier)
  try {
    const onShare = async (share: number) => onProgress?.('samples', share)
    const answered = await answerProblems(engine, problems, judge, { samplesPerProblem, maxTokens, rng, onShare })
    return { answered, before: await score(around, engine, 'start') }
  } finally {
    await judge.close()
  }
}

const score = ({ recipe, onProgress }: GeneratedSurroundings, engine: Engine, arm: string): Promise<AnsweredOnce[]> =>
  answerOnce({
    engine,
    config: recipe.rl!,
    seed: recipe.seed,
    onProgress: async (share) => onProgress?.(`${arm}, held-out problems`, share),
  })

/** Samples as conversations in rows; the order of each pass follows from the run's seed. */
function rowsOf({ recipe, tokenizer }: GeneratedSurroundings, samples: readonly Sample[]): SftRows {
  const conversations = samples.map(({ problem, reply }, index): Conversation => ({
    id: `generated/${index}/${problem.id}`,
    source: 'generated',
    messages: [
      { role: 'user', content: problem.prompt },
      { role: 'assistant', content: reply.text },
    ],
  }))
  return new SftRows(conversations, tokenizer, v3ChatTemplate, { seed: recipe.seed, extra: recipe.model.mtpDepth })
}

/** Tokens that go through the model at once, about. */
const tokensAtOnce = 2048

async function tuneAndScore(
  around: GeneratedSurroundings,
  arm: string,
  samples: readonly Sample[],
  tokens: number,
  rateShare: number,
): Promise<AnsweredOnce[]> {
  const { recipe, machine, from, tokenizer, onProgress } = around
  const { rowLength, rows, learningRate, lastFactor } = recipe.sft!
  const config = configAfter(recipe, 'sft')
  const microRows = Math.max(1, Math.min(rows, Math.floor(tokensAtOnce / rowLength)))
  const size = { tokens, rowLength, rows, microRows, learningRate: rateShare * learningRate, lastFactor }
  const training = stageTraining(recipe.training, size)
  checkHeap(config, training)
  using _scope = machine.scope()
  const model: Model = createModel(machine, config, { withGradients: true, length: config.maxLength })
  readStageWeights(from, model)
  const optimizer = createAdamW(model.parameters.set, training.optimizer)
  // A look between two steps lets signals in.
  const look = async (at: { readonly tokens: number }) => onProgress?.(`${arm}, fine-tuning`, at.tokens / tokens)
  await train({
    stage: 'sft',
    model,
    optimizer,
    source: rowsOf(around, samples),
    config: training,
    maskDocuments: true,
    log: { append: () => {} },
    probes: [{ everySteps: 1, look }],
  })
  // Awaited here: the model lives as long as this scope.
  return await score(around, new Engine(model, tokenizer, rolloutRows), arm)
}

function armOf(
  arm: GeneratedArm['arm'],
  samples: readonly Sample[],
  scored: readonly AnsweredOnce[],
  start: readonly AnsweredOnce[] | null,
  raw: readonly AnsweredOnce[] | null,
): GeneratedArm {
  const rightOf = (answered: readonly AnsweredOnce[]) => Float64Array.from(answered, ({ reply }) => (reply.isCorrect ? 1 : 0))
  const right = rightOf(scored)
  return {
    arm,
    rightShare: samples.length === 0 ? null : samples.filter(({ reply }) => reply.isCorrect).length / samples.length,
    distinctProblems: new Set(samples.map(({ problem }) => problem.id)).size,
    accuracy: shareInterval(
      right.reduce((sum, one) => sum + one, 0),
      right.length,
    ),
    formatRate: scored.filter(({ reply }) => reply.isWellFormed).length / scored.length,
    overStart: start && pairedDifference(right, rightOf(start)),
    overRaw: raw && pairedDifference(right, rightOf(raw)),
  }
}
