/**
 * From what was asked for to what will be run: the machine is probed, and where time was given, tokens or the whole model follow
 * from it. The result is the document that stands in the run's folder.
 */
import os from 'node:os'
import { rejectViolations } from '../../base/errors.ts'
import { formatBytes, formatCount, formatFlops } from '../../base/format.ts'
import { countParameters, trainingFlopsPerToken } from '../../architecture/index.ts'
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
import { type Asked, type RunDocument, runFormat } from '../../report/index.ts'

/** Settings that a budget decides: given together, one of them would have to be ignored. */
const derivedSettings = /^(?:model\.|tokenizer\.vocabSize|training\.(?:tokens|rowLength|rows|microRows)\b)/

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
export async function resolveRun(asked: Asked, base: Recipe, kernels: KernelChoice, threads: number, output: Output): Promise<RunDocument> {
  output.progress({ stage: 'probe', detail: 'what this machine can do' })
  const ceilings = await probeCeilings(threads)
  output.note(
    `machine   ${formatFlops(ceilings.gflopsAllThreads * 1e9)} on ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${ceilings.streamGBs.toFixed(1)} GB/s streamed`,
  )
  const { recipe, derivation } = await deriveWithin(asked, base, ceilings)
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
/** One token of a sample, generously. */
const sampleTokenSeconds = 0.01
/** A domain's bytes in one token, and the rows' overlap: what scoring costs beyond one pass over the text. */
const bytesPerToken = 2.6
const overlapFactor = 1.3

function afterTrainingSeconds({ model, training, evaluation, samples, data }: Recipe, speed: TrainingSpeed): number {
  const domainCount = Math.max(6, Object.keys(data.weights).length)
  const tokens = (domainCount * evaluation.bytesPerDomain * overlapFactor) / bytesPerToken
  const onTheWay = (evaluation.scoresAlongTheWay * domainCount * evaluation.bytesAlongTheWay * overlapFactor) / bytesPerToken
  const forwardFlops = trainingFlopsPerToken(model, training.rowLength).total / 3
  return ((tokens + onTheWay) * forwardFlops) / speed.flopsPerSecond + samples.count * samples.maxTokens * sampleTokenSeconds
}

async function deriveWithin(asked: Asked, base: Recipe, ceilings: Probe): Promise<DerivedRecipe> {
  if (asked.budget === null) return { recipe: base, derivation: [] }
  const { seconds, derives } = asked.budget
  const peak = ceilings.gflopsAllThreads * 1e9
  const left = (recipe: Recipe, at: TrainingSpeed) =>
    Math.max(seconds / 2, seconds - performance.now() / 1000 - textSeconds - afterTrainingSeconds(recipe, at))
  const speed = await timeSteps(base, ceilings.threads)
  if (derives === 'tokens') return fitTokens(base, left(base, speed), speed, peak)
  const derived = deriveRecipe(base, left(base, speed), speed, peak)
  // The model that was chosen is timed too: its tokens are what the time is worth.
  const own = await timeSteps(derived.recipe, ceilings.threads)
  const fitted = fitTokens(derived.recipe, left(derived.recipe, own), own, peak)
  return { recipe: fitted.recipe, derivation: [...derived.derivation, ...fitted.derivation] }
}

/** On a machine of its own: the run's heap begins with the run. */
async function timeSteps(recipe: Recipe, threads: number): Promise<TrainingSpeed> {
  const machine = await Machine.start({ threads })
  try {
    return await measureTrainingSpeed(machine, recipe)
  } finally {
    machine.close()
  }
}
