/**
 * From what was asked for to what will be run: the machine is probed, and where time was given, tokens or the whole model follow
 * from it. The result is the document that stands in the run's folder.
 */
import os from 'node:os'
import { rejectViolations } from '../../base/errors.ts'
import { formatBytes, formatCount, formatFlops, formatSeconds } from '../../base/format.ts'
import { countParameters } from '../../architecture/index.ts'
import { type KernelChoice, Machine, type Probe } from '../../compute/index.ts'
import {
  checkHeap,
  type DerivedRecipe,
  deriveRecipe,
  fitTokens,
  measureTrainingSpeed,
  type Recipe,
  type TrainingSpeed,
} from '../../pretraining/index.ts'
import type { Output } from '../output.ts'
import { packageVersion } from '../package-version.ts'
import { probeCeilings } from './ceilings.ts'
import { laterSeconds, scaleLaterStages } from './later-seconds.ts'
import type { Until } from './part.ts'
import { type Asked, type RunDocument, runFormat } from '../../report/index.ts'

/** Settings that a budget decides: given together, one of them would have to be ignored. */
const derivedSettings =
  /^(?:model\.|tokenizer\.vocabSize|training\.(?:tokens|rowLength|rows|microRows)\b|extension\.steps|sft\.conversations|rl\.(?:steps|shuffledSteps)|ablations\.tokens)/

/**
 * Refuses settings beside a budget that would decide them.
 *
 * @throws UsageError naming them
 */
export function rejectDerivedSettings(settings: readonly string[]): void {
  const violations = settings.filter((setting) => derivedSettings.test(setting)).map((setting) => `${setting}: --budget derives this`)
  rejectViolations('--set', violations, 'Leave --budget away, or these settings.')
}

/** Probes the machine and, where time was given, derives what follows from it; says both. */
export async function resolveRun(
  { asked, threads, until }: { readonly asked: Asked; readonly threads: number; readonly until: Until },
  base: Recipe,
  kernels: KernelChoice,
  output: Output,
): Promise<RunDocument> {
  output.progress({ stage: 'probe', detail: 'what this machine can do' })
  const ceilings = await probeCeilings(threads)
  output.note(
    `machine   ${formatFlops(ceilings.gflopsAllThreads * 1e9)} on ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${ceilings.streamGBs.toFixed(1)} GB/s streamed`,
  )
  const { recipe, derivation } = await deriveWithin(asked, base, ceilings, until)
  const setUpSeconds = performance.now() / 1000 + textSeconds
  if (asked.budget && asked.budget.seconds < setUpSeconds)
    output.warn(
      `--budget ${formatSeconds(asked.budget.seconds)} is less than the set-up takes (about ${formatSeconds(setUpSeconds)}): half of it is for training, and the run takes longer than asked`,
    )
  for (const line of derivation) output.note(`budget    ${line}`)
  const { total, activated, mtp } = countParameters(recipe.model)
  const heap = checkHeap(recipe.model, recipe.training)
  output.note(
    `model     ${formatCount(total + mtp.unique)} parameters, ${formatCount(activated)} activated; ${formatCount(recipe.training.tokens)} tokens in batches of ${recipe.training.rows * recipe.training.rowLength}; ${formatBytes(heap.total)} of heap predicted`,
  )
  return {
    format: runFormat,
    recipe,
    asked,
    derivation,
    versions: { strata: packageVersion(), node: process.versions.node },
    machine: {
      platform: `${process.platform}-${process.arch}`,
      processor: os.cpus()[0]?.model.trim() ?? process.arch,
      memoryBytes: os.totalmem(),
      kernels: { dialect: kernels.dialect, reason: kernels.reason },
    },
    ceilings,
  }
}

/** Fetching, cleaning and encoding the text, and training the tokenizer, in seconds: the text comes after this. */
const textSeconds = 15
/** Of the time that is left, for pre-training at least; a slower machine has shorter later stages. */
const leastShare = 0.3
/** Of the time that is left, for pre-training where the model follows from the time too. */
const derivedShare = 0.45

async function deriveWithin(asked: Asked, base: Recipe, ceilings: Probe, until: Until): Promise<DerivedRecipe> {
  if (asked.budget === null) return { recipe: base, derivation: [] }
  const { seconds, derives } = asked.budget
  const peak = ceilings.gflopsAllThreads * 1e9
  const speed = await timeSteps(base, ceilings.threads)
  const left = Math.max(seconds / 2, seconds - performance.now() / 1000 - textSeconds)
  if (derives === 'tokens') {
    const later = shareLater(base, until, left, 1 - leastShare, speed, false)
    const fitted = fitTokens(later.recipe, left - later.seconds, speed, peak)
    return { recipe: fitted.recipe, derivation: [...fitted.derivation, ...later.derivation] }
  }
  const share = until === 'pretrain' ? 1 : derivedShare
  const derived = deriveRecipe(base, share * left, speed, peak)
  // The model that was chosen is timed too: its tokens are what the time is worth.
  const own = await timeSteps(derived.recipe, ceilings.threads)
  const later = shareLater(derived.recipe, until, left, 1 - share, own, true)
  const fitted = fitTokens(later.recipe, left - later.seconds, own, peak)
  return { recipe: fitted.recipe, derivation: [...derived.derivation, ...fitted.derivation, ...later.derivation] }
}

/**
 * Later stages within their share of the time.
 *
 * @param fills whether they grow into it; otherwise they only shrink
 */
function shareLater(recipe: Recipe, until: Until, left: number, share: number, speed: TrainingSpeed, fills: boolean) {
  const asked = laterSeconds(recipe, until, speed)
  if (asked === 0 || (!fills && asked <= share * left)) return { recipe, seconds: asked, derivation: later(asked, 1) }
  const factor = largestWithin(share * left, (tried) => laterSeconds(scaleLaterStages(recipe, tried), until, speed))
  const scaled = scaleLaterStages(recipe, factor)
  const seconds = laterSeconds(scaled, until, speed)
  return { recipe: scaled, seconds, derivation: later(seconds, factor) }
}

/** The largest factor whose seconds are within the time, by halving; 0 where none is. @param secondsOf rises with the factor */
function largestWithin(seconds: number, secondsOf: (factor: number) => number): number {
  let [low, high] = [0, 1]
  while (secondsOf(high) <= seconds && high < 2 ** 20) [low, high] = [high, 2 * high]
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2
    if (secondsOf(middle) <= seconds) low = middle
    else high = middle
  }
  return low
}

const later = (seconds: number, factor: number) =>
  seconds === 0
    ? []
    : [
        `what follows pre-training takes about ${formatSeconds(seconds)}${factor === 1 ? '' : `, with ${factor.toFixed(2)} times the recipe's steps`}`,
      ]

/** On a machine of its own: the run's heap begins with the run. */
async function timeSteps(recipe: Recipe, threads: number): Promise<TrainingSpeed> {
  const machine = await Machine.start({ threads })
  try {
    return await measureTrainingSpeed(machine, recipe)
  } finally {
    machine.close()
  }
}
