/**
 * A reward model on disk: one safetensors file with the trunk under the released names and the head as `score.weight`. Written
 * whole or not at all, and good only for the checkpoint, the recipe and the settings that it was made from.
 */
import { node } from '../../base/platform.ts'
import { readWeights, weightsToWrite } from '../../architecture/index.ts'
import { openSafetensors, type TensorSource, writeSafetensors } from '../../foundations/index.ts'
import { type RewardModel, scoreName } from './reward-model.ts'

/** Path of a run's reward model. */
export const rewardFile = (runFolder: string): string => node().path.join(runFolder, 'reward-model.safetensors')

/**
 * Writes a reward model.
 *
 * @param identity of everything that decides its weights
 * @throws UsageError when the system refuses; then an earlier file stays
 */
export function writeRewardModel(file: string, { trunk, head }: RewardModel, identity: string): void {
  const { data, shape } = head.score_VD
  writeSafetensors(file, [...weightsToWrite(trunk), { name: scoreName, shape, data }], { format: 'pt', identity })
}

/**
 * Reads a reward model.
 *
 * @param model to be filled; of the sizes that were written
 * @returns whether there was one of this identity; if not, nothing is changed
 * @throws UsageError when the file is damaged
 */
export function readRewardModel(file: string, model: RewardModel, identity: string): boolean {
  if (!node().fs.existsSync(file)) return false
  const source = openSafetensors(file)
  try {
    if (source.metadata['identity'] !== identity) return false
    readWeights(model.trunk, without(source, scoreName))
    source.readFloat32(scoreName, model.head.score_VD.data as Float32Array)
    return true
  } finally {
    source.close()
  }
}

/** The same tensors but for one: a language model has no such weight. */
const without = (source: TensorSource, name: string): TensorSource => ({
  ...source,
  tensors: new Map([...source.tensors].filter(([other]) => other !== name)),
})
