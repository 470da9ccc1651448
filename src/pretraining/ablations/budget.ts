/** From time to tokens: how long the runs of some ablations may be. */
import { trainingFlopsPerToken } from '../../architecture/index.ts'
import type { TrainingSpeed } from '../derive.ts'
import type { Recipe } from '../recipe.ts'
import { accumulationAblation, ablations, productErrorsAblation } from './catalogue.ts'
import { memoryAblation } from './memory-settings.ts'
import { heldOutRowCount } from './paired.ts'

/** A forward pass costs a third of a training step. */
const scoringShare = 1 / 3

/**
 * Trainings that ablations take when none is cached; those that two ablations share count twice.
 *
 * @param names of the catalogue
 * @param base  that the arms change
 * @param seeds runs of each arm
 */
export function ablationRuns(names: readonly string[], base: Recipe, seeds: number): number {
  const trained = ablations.filter(({ name }) => names.includes(name)).reduce((sum, { plan }) => sum + plan(base).arms.length, 0)
  const beside = [accumulationAblation, memoryAblation, productErrorsAblation].filter(({ name }) => names.includes(name)).length
  return trained * seeds + beside
}

/**
 * Tokens of each run, so that all of them fit a time: rounded down to 1, 2 or 5 times a power of ten, so that the same time
 * on the same machine asks for the same runs again and finds them kept.
 *
 * @param seconds  for all runs
 * @param runCount trainings, as `ablationRuns` counts them
 * @param base     that the arms change
 * @param speed    of the base on this machine
 */
export function tokensWithin(seconds: number, runCount: number, base: Recipe, speed: TrainingSpeed): number {
  const { rowLength } = base.training
  const flopsPerToken = trainingFlopsPerToken(base.model, rowLength).totalWithMtp
  const perRun = (seconds * speed.flopsPerSecond) / flopsPerToken / Math.max(1, runCount)
  const tokens = perRun - heldOutRowCount * rowLength * scoringShare
  return tokens < rowLength ? rowLength : roundedDown(tokens)
}

function roundedDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * (value >= 5 * power ? 5 : value >= 2 * power ? 2 : 1)
}
