/**
 * Runs an ablation: every arm under every seed, from the cache where it was run before, then the comparisons.
 *
 * Run i of all arms has the same seed, so the same beginnings of all tensors that they share, and reads the same rows.
 * Claim: pretraining.ablations.
 */
import { invariant } from '../../base/errors.ts'
import {
  countParameters,
  decodeFlopsPerToken,
  latentCacheElementsPerToken,
  type ModelConfig,
  trainingFlopsPerToken,
} from '../../architecture/index.ts'
import type { EventSink } from '../../base/run-log.ts'
import type { Machine } from '../../compute/index.ts'
import type { PreparedText } from '../prepare-text.ts'
import type { Recipe } from '../recipe.ts'
import { type Ablation, ablationBase, type AblationMetric, type AblationPlan, type Arm } from './ablation.ts'
import { type ArmRun, armRunSchema, type ArmSizes, summarizeArm } from './arm-numbers.ts'
import { runAccumulation } from './accumulation.ts'
import { accumulationAblation, ablations, productErrorsAblation } from './catalogue.ts'
import { runMemory, timedPairs } from './memory.ts'
import { memoryAblation, memorySettings } from './memory-settings.ts'
import type { AblationBase, AblationDifference, AblationEvent, AblationResultEvent } from './events.ts'
import { heldOutRowCount, type HeldOutRows, heldOutRows, pairedVerdict } from './paired.ts'
import { runProductErrors } from './product-errors.ts'
import { readRun, runHash, storeRun } from './run-cache.ts'
import { type ScoreModel, trainArm } from './train-arm.ts'

/** Where an ablation stands. */
export interface AblationProgress {
  readonly name: string
  readonly arm: string
  readonly seed: number
  /** Runs that are done, of how many. */
  readonly doneCount: number
  readonly runCount: number
  /** Of the run that is under way. */
  readonly tokens: number
  readonly totalTokens: number
}

export interface AblationOptions {
  readonly machine: Machine
  /** Of the run; its ablations' base is derived from it, with the tokens of its section `ablations`. */
  readonly recipe: Recipe
  readonly text: PreparedText
  /** Tokens of each run, in the place of the recipe's. */
  readonly tokens?: number
  /** Runs of each arm; the recipe's unless given. */
  readonly seeds?: number
  /** Where runs are kept; none are without it. */
  readonly cacheFolder?: string
  /** Names the code that trains, for the cache: the package's version. */
  readonly codeVersion: string
  readonly score?: ScoreModel
  readonly log: EventSink<AblationEvent>
  readonly stop?: AbortSignal
  readonly onProgress?: (progress: AblationProgress) => void
}

export interface AblationOutcome {
  readonly reason: 'complete' | 'interrupted'
  /** As they were logged; none of an ablation that was interrupted. */
  readonly events: readonly AblationEvent[]
}

/** What a result's metric and unit are called. */
export const ablationMetrics: Readonly<Record<AblationMetric, { readonly metric: string; readonly unit: string }>> = {
  loss: { metric: 'held-out loss', unit: 'nats/token' },
  overload: { metric: 'overload of the busiest expert', unit: 'share of the mean load' },
}

/** The base of a recipe's ablations with the weights of the text as it is, so that an arm can change one of them. */
export function ablationBaseOn({ recipe, text, tokens }: Pick<AblationOptions, 'recipe' | 'text' | 'tokens'>): Recipe {
  const base = ablationBase(recipe, tokens)
  const weights = Object.fromEntries(text.tokenized.domains.map(({ name, weight }) => [name, weight]))
  return { ...base, data: { ...base.data, weights } }
}

/**
 * Runs one ablation and logs its results; runs that were finished before an interruption are kept.
 *
 * @param name of `ablationList`
 * @throws UsageError when the recipe is none that can be trained, there is too little held-out text, or the cache cannot be
 *   written
 */
export async function runAblation(name: string, options: AblationOptions): Promise<AblationOutcome> {
  const base = ablationBaseOn(options)
  const events: AblationEvent[] = []
  if (name === accumulationAblation.name) {
    const event = await runAccumulation({ ...options, base, sizes: sizesOf(base) })
    if (event) events.push(event)
    else return { reason: 'interrupted', events }
  } else if (name === productErrorsAblation.name) {
    const differences = await runProductErrors({ ...options, base, sizes: sizesOf(base) })
    if (!differences) return { reason: 'interrupted', events }
    events.push(...differences)
  } else {
    const ablation = ablations.find((other) => other.name === name)
    invariant(ablation, `ablation: expected a name of the catalogue, got ${name}`)
    if (ablation === memoryAblation) {
      const { seed, training } = options.recipe
      const pairTokens = 2 * training.rows * training.rowLength
      const event = await runMemory({
        ...options,
        sizes: sizesOf(options.recipe),
        onPair: (setting, doneCount, pairs) =>
          options.onProgress?.({
            name,
            arm: `steps with ${setting.name}`,
            seed,
            doneCount,
            runCount: memorySettings.length,
            tokens: pairs * pairTokens,
            totalTokens: timedPairs * pairTokens,
          }),
      })
      if (!event) return { reason: 'interrupted', events }
      events.push(event)
    }
    const results = await compareArms(ablation, base, options)
    if (!results) return { reason: 'interrupted', events }
    events.push(...results)
  }
  for (const event of events) options.log.append(event)
  return { reason: 'complete', events }
}

const sizesOf = ({ model: { width, layerCount, vocabSize }, training: { rowLength, rows } }: Recipe): AblationBase => ({
  width,
  layerCount,
  vocabSize,
  rowLength,
  rows,
})

async function compareArms(ablation: Ablation, base: Recipe, options: AblationOptions): Promise<AblationResultEvent[] | null> {
  const plan = ablation.plan(base)
  const heldOut = heldOutRows(options.text, base.training.rowLength, heldOutRowCount, base.seed)
  const trained = await trainArms(ablation, plan, base, heldOut, options)
  if (!trained) return null
  return plan.comparisons.flatMap((comparison) => {
    const [variant, control] = [trained.get(comparison.variant)!, trained.get(comparison.control)!]
    const own = (domain: string) => differenceOn(variant, control, (run) => rowsOfDomain(run, heldOut, domain), 'rows')
    const byDomain = Object.fromEntries([...new Set(heldOut.domainOfRow)].map((domain) => [domain, own(domain)]))
    return ablation.metrics.flatMap((metric): AblationResultEvent[] => {
      const difference = differenceIn(metric, variant, control, comparison.domain, byDomain)
      if (!difference) return []
      return [
        {
          type: 'ablation/result',
          name: ablation.name,
          claims: ablation.claims,
          variant: variant.arm.name,
          control: control.arm.name,
          says: { variant: variant.arm.says, control: control.arm.says },
          seeds: variant.runs.length,
          tokens: base.training.tokens,
          ...ablationMetrics[metric],
          domain: comparison.domain ?? null,
          ...difference,
          base: sizesOf(base),
          details: {
            variant: summarizeArm(variant.runs, variant.sizes, heldOut),
            control: summarizeArm(control.runs, control.sizes, heldOut),
            byDomain,
          },
          wasCached: variant.wasCached && control.wasCached,
          seconds: [...variant.runs, ...control.runs].reduce((sum, { seconds }) => sum + seconds, 0),
        },
      ]
    })
  })
}

function differenceIn(
  metric: AblationMetric,
  variant: TrainedArm,
  control: TrainedArm,
  domain: string | undefined,
  byDomain: Readonly<Record<string, AblationDifference>>,
): AblationDifference | null {
  // A domain that holds nothing back has no rows, and an arm without experts no routers.
  if (metric === 'loss')
    return domain === undefined ? differenceOn(variant, control, ({ rowLossNats }) => rowLossNats, 'rows') : (byDomain[domain] ?? null)
  const hasRouters = [...variant.runs, ...control.runs].every(
    ({ batchOverload, brokeAtStep }) => brokeAtStep !== null || batchOverload.length > 0,
  )
  return hasRouters ? differenceOn(variant, control, ({ batchOverload }) => batchOverload, 'batches') : null
}

const rowsOfDomain = ({ rowLossNats }: ArmRun, { domainOfRow }: HeldOutRows, domain: string) =>
  rowLossNats.filter((_, row) => domainOfRow[row] === domain)

function differenceOn(variant: TrainedArm, control: TrainedArm, samples: (run: ArmRun) => readonly number[], over: 'rows' | 'batches') {
  const of = ({ runs }: TrainedArm) => runs.map((run) => (run.brokeAtStep === null ? samples(run) : null))
  return pairedVerdict(of(variant), of(control), over)
}

/** An arm with its run under each seed. */
interface TrainedArm {
  readonly arm: Arm
  readonly sizes: ArmSizes
  readonly runs: readonly ArmRun[]
  readonly wasCached: boolean
}

const bytesOfBf16 = 2

function armSizes({ model, training }: Recipe, arm: Arm): ArmSizes {
  const { total, activated, mtp } = countParameters(model)
  const elements = arm.cacheElementsPerToken ?? ((config: ModelConfig) => latentCacheElementsPerToken(config))
  return {
    parameters: total + mtp.unique,
    activated,
    cacheBytesPerToken: bytesOfBf16 * elements(model),
    flopsPerToken: trainingFlopsPerToken(model, training.rowLength).totalWithMtp,
    decodeFlopsPerToken: decodeFlopsPerToken(model, training.rowLength),
  }
}

async function trainArms(
  { name }: Ablation,
  { arms }: AblationPlan,
  base: Recipe,
  heldOut: HeldOutRows,
  options: AblationOptions,
): Promise<Map<string, TrainedArm> | null> {
  const { machine, text, recipe, cacheFolder, codeVersion, score, stop, onProgress } = options
  const seeds = options.seeds ?? recipe.ablations?.seeds ?? 1
  const trained = new Map<string, TrainedArm>()
  let doneCount = 0
  for (const arm of arms) {
    const changed = { ...arm.change(base), name: `${base.name}-${arm.name}` }
    const attentionStart = arm.attentionStart?.(base.model) ?? 1
    const runs: ArmRun[] = []
    let wasCached = true
    for (let index = 0; index < seeds; index++) {
      const armRecipe = { ...changed, seed: base.seed + index }
      const progress = (tokens: number) =>
        onProgress?.({
          name,
          arm: arm.name,
          seed: armRecipe.seed,
          doneCount,
          runCount: arms.length * seeds,
          tokens,
          totalTokens: base.training.tokens,
        })
      const hash = runHash({
        recipe: armRecipe,
        seed: armRecipe.seed,
        attentionStart,
        precision: arm.precision,
        fingerprint: text.tokenized.fingerprint,
        heldOut: { rows: heldOut.domainOfRow.length, seed: base.seed },
        dialect: machine.kernels.dialect,
        codeVersion,
        beside: score ? 'scores' : 'nothing',
      })
      const kept = cacheFolder ? readRun(cacheFolder, hash, armRunSchema) : null
      progress(0)
      const run =
        kept ??
        (await trainArm({
          machine,
          recipe: armRecipe,
          attentionStart,
          precision: arm.precision,
          text,
          heldOut,
          score,
          stop,
          onStep: ({ tokens }) => progress(tokens),
        }))
      if (!run) return null
      if (!kept && cacheFolder) storeRun(cacheFolder, hash, run)
      if (stop?.aborted) return null
      wasCached &&= kept !== null
      runs.push(run)
      progress(base.training.tokens)
      doneCount++
    }
    trained.set(arm.name, { arm, sizes: armSizes(changed, arm), runs, wasCached })
  }
  return trained
}
