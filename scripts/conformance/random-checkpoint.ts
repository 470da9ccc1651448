/**
 * Random checkpoints made by our own code, as cases for the reference: `config.json`, `model.safetensors`, `request.json`.
 *
 * Weights come from `initialize`; gains and router biases are moved off one and zero, so that a mistake with them shows.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { checkModelConfig, createModel, formatHfConfig, type ModelConfig, weightsToWrite } from '../../src/architecture/index.ts'
import { Random } from '../../src/base/index.ts'
import type { Machine } from '../../src/compute/index.ts'
import { initialize, writeSafetensors } from '../../src/foundations/index.ts'
import type { CaseRequest } from './compare.ts'

/** One checkpoint, and what is asked of it. */
export interface RandomCase {
  readonly name: string
  readonly config: ModelConfig
  /** B rows of T + 1 random tokens. */
  readonly rows: number
  readonly length: number
  readonly mtpWeight?: number
  readonly balanceWeight?: number
  /** Router biases are uniform between these. */
  readonly biasRange?: readonly [number, number]
}

const gainStd = 0.2

/**
 * Writes the folder of a case, all of it drawn from streams under its name.
 *
 * @param folder where; made if need be
 * @param seed   of all streams
 * @throws UsageError when the case's config is impossible or the folder cannot be written
 */
export function writeRandomCase(machine: Machine, folder: string, randomCase: RandomCase, seed: number): void {
  const { name, rows, length, mtpWeight, balanceWeight, biasRange: [low, high] = [-0.1, 0.1] } = randomCase
  const config = checkModelConfig(randomCase.config, name)
  const rng = Random.seeded(seed).fork(name)
  using _scope = machine.scope()
  const model = createModel(machine, config, { withGradients: false, length })
  const { set, biases } = model.parameters
  initialize(set, config.initStd, rng)
  const gains = rng.fork('gains')
  for (const { tensor, isGain } of set.named) {
    if (isGain) tensor.data.set(Float32Array.from({ length: tensor.count }, () => 1 + gainStd * gains.normal()))
  }
  const biasStream = rng.fork('biases')
  for (const { tensor } of biases) {
    tensor.data.set(Float32Array.from({ length: tensor.count }, () => low + (high - low) * biasStream.uniform()))
  }
  const tokens = rng.fork('tokens')
  const row = () => Array.from({ length: length + 1 }, () => tokens.below(config.vocabSize))
  const request: CaseRequest = { tokenIds: Array.from({ length: rows }, row), mtpWeight, balanceWeight }

  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'config.json'), formatHfConfig(config))
  writeFileSync(path.join(folder, 'request.json'), `${JSON.stringify(request)}\n`)
  writeSafetensors(path.join(folder, 'model.safetensors'), weightsToWrite(model), { format: 'pt' })
}
