/** One run of an arm: trained from its seed, scored on the held-out rows, all memory returned. */
import { UsageError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { mean } from '../../base/statistics.ts'
import { createModel, type Model } from '../../architecture/index.ts'
import type { LinearPrecision, Machine } from '../../compute/index.ts'
import { createAdamW, initialize } from '../../foundations/index.ts'
import { type Fp8Policy, linearPrecision, statePrecision } from '../../infrastructure/index.ts'
import { fimOptions, Mixture, type TokenizedCorpus } from '../data/index.ts'
import { type StepEvent, stepTrace, type TrainingEvent } from '../events.ts'
import { checkHeap } from '../heap-plan.ts'
import { train } from '../loop.ts'
import type { PreparedText } from '../prepare-text.ts'
import { checkRecipe, type Recipe } from '../recipe.ts'
import type { ArmRun } from './arm-numbers.ts'
import { type HeldOutRows, scoreHeldOut } from './paired.ts'

/** Numbers by name that the caller measures of a trained model, such as bits per byte by domain. */
export type ScoreModel = (model: Model) => Promise<Readonly<Record<string, number>>>

export interface ArmTraining {
  readonly machine: Machine
  /** The arm's, its seed included. */
  readonly recipe: Recipe
  /** Factor on the initial weights that expand the latent and that end attention. */
  readonly attentionStart: number
  /** FP8 in training and scoring; f32 unless given. */
  readonly precision?: Fp8Policy
  readonly text: PreparedText
  readonly heldOut: HeldOutRows
  readonly score?: ScoreModel
  readonly stop?: AbortSignal
  readonly onStep?: (event: StepEvent) => void
}

/** The mixture by a recipe's weights; a domain without weight gives no rows. */
function weighed(corpus: TokenizedCorpus, weights: Recipe['data']['weights']): TokenizedCorpus {
  return { ...corpus, domains: corpus.domains.map((domain) => ({ ...domain, weight: weights[domain.name] ?? domain.weight })) }
}

/**
 * Trains and scores an arm.
 *
 * @returns null when it was told to stop
 * @throws UsageError when the recipe contradicts itself or the heap would not fit; a loss that is not finite for too long is a
 *   result
 */
export async function trainArm({
  machine,
  recipe,
  attentionStart,
  precision,
  text,
  heldOut,
  score,
  stop,
  onStep,
}: ArmTraining): Promise<ArmRun | null> {
  checkRecipe(recipe, `ablation ${recipe.name}`)
  checkHeap(recipe.model, recipe.training)
  const begun = performance.now()
  using _scope = machine.scope()
  const { model: config, training, data } = recipe
  const model = createModel(machine, config, { withGradients: true, length: training.rowLength })
  initialize(model.parameters.set, config.initStd, Random.seeded(recipe.seed))
  scaleAttention(model, attentionStart)
  const source = new Mixture(weighed(text.tokenized, data.weights), {
    seed: recipe.seed,
    extra: config.mtpDepth,
    fim: data.fimRate > 0 ? fimOptions(text.tokenizer, data.fimRate) : undefined,
  })
  const events: TrainingEvent[] = []
  const append = (event: TrainingEvent) => {
    events.push(event)
    if (event.type === 'training/step') onStep?.(event)
  }
  const { set } = model.parameters
  const optimizer = createAdamW(set, training.optimizer, precision && statePrecision(precision, set))
  const run = {
    stage: 'pretrain',
    model,
    optimizer,
    source,
    config: training,
    maskDocuments: data.maskDocuments,
    log: { append },
    stop,
  } as const
  let brokeAtStep: number | null = null
  using _precision = usePrecision(machine, precision ? linearPrecision(precision, set) : null)
  try {
    const { reason } = await train(run)
    if (reason === 'interrupted') return null
  } catch (error) {
    const last = events.at(-1)
    if (!(error instanceof UsageError) || last?.type !== 'training/skipped') throw error
    brokeAtStep = last.step
  }
  const scored =
    brokeAtStep === null ? scoreHeldOut(model, heldOut, data.maskDocuments) : { rowLossNats: [], lossByQuarter: [], batchOverload: [] }
  const scores = score && brokeAtStep === null ? await score(model) : null
  return { ...scored, ...courseOf(events, training.optimizer.clipNorm), brokeAtStep, scores, seconds: (performance.now() - begun) / 1000 }
}

/** Sets a machine's precision until the end of a block. */
function usePrecision(machine: Machine, precision: LinearPrecision | null): Disposable {
  machine.precision = precision
  return {
    [Symbol.dispose]: () => {
      machine.precision = null
    },
  }
}

function scaleAttention({ parameters: { layers, mtp } }: Model, factor: number): void {
  for (const { attention } of [...layers, ...mtp.map(({ layer }) => layer)]) {
    for (const { data } of [attention.expand_ZC, attention.output_DO]) for (let i = 0; i < data.length; i++) data[i] *= factor
  }
}

/** Steps before one that its loss is compared with, and how far above their mean it is a spike, in nats. */
const spikeWindow = 16
const spikeNats = 1

/** How the training went, from its events. */
function courseOf(events: readonly TrainingEvent[], clipNorm: number) {
  const steps = stepTrace(events)
  const overloads = steps.slice(Math.floor((steps.length * 3) / 4)).map(({ maxViolation }) => maxViolation.mean)
  const isSpike = ({ lossNats }: StepEvent, index: number) =>
    index >= spikeWindow && lossNats > mean(steps.slice(index - spikeWindow, index).map((before) => before.lossNats)) + spikeNats
  return {
    trainedOverload: overloads.length > 0 ? mean(overloads) : 0,
    steps: steps.length,
    clippedShare: steps.length > 0 ? steps.filter(({ gradientNorm }) => gradientNorm > clipNorm).length / steps.length : 0,
    spikes: steps.filter(isSpike).length,
    skippedSteps: events.filter(({ type }) => type === 'training/skipped').length,
  }
}
