/**
 * What training leaves behind, and what of it serving needs: an inventory in bytes.
 *
 * Counted from the model's sizes and the recipe, in the formats in which they are kept: four bytes a number, or two for moments.
 */
import { checkpointBytes, checkpointTensors, countParameters, type ModelConfig } from '../../architecture/index.ts'
import type { Recipe } from '../../pretraining/index.ts'

export interface StateItem {
  readonly name: string
  readonly bytes: number
  /** Whether a server needs it, may use it, or leaves it behind. */
  readonly fate: 'kept' | 'optional' | 'dropped'
  readonly why: string
}

const bytesOfNumber = 4

/** Everything that the end of pre-training holds, largest groups first in each fate. @param recipe of the run */
export function trainedState({ model, training }: Pick<Recipe, 'model' | 'training'>): StateItem[] {
  const { total, mtp } = countParameters(model)
  const biases = biasCount(model)
  const trained = total + mtp.unique
  const bytesOfMoment = training.optimizer.moments === 'bf16' ? bytesOfNumber / 2 : bytesOfNumber
  const items: StateItem[] = [
    { name: 'weights of the main model', bytes: bytesOfNumber * (total - biases), fate: 'kept', why: 'the model itself' },
    {
      name: 'selection biases of the routers',
      bytes: bytesOfNumber * biases,
      fate: 'kept',
      why: 'they decide which experts a token visits',
    },
    { name: 'MTP module', bytes: bytesOfNumber * mtp.unique, fate: 'optional', why: 'drafts tokens; the main model runs without it' },
    { name: 'moments of AdamW', bytes: 2 * bytesOfMoment * (trained - biases), fate: 'dropped', why: 'they serve the next update' },
    { name: 'gradients', bytes: bytesOfNumber * (trained - biases), fate: 'dropped', why: 'they last one step' },
  ]
  if (training.optimizer.emaDecay !== null)
    items.push({
      name: 'moving average of the weights',
      bytes: bytesOfNumber * trained,
      fate: 'optional',
      why: 'an early look at the decayed model',
    })
  return items.filter(({ bytes }) => bytes > 0)
}

/** Numbers in all selection biases of the main model. */
const biasCount = ({ gate, expertCount, layerCount, denseLayerCount }: ModelConfig) =>
  gate === 'sigmoid' ? expertCount * (layerCount - denseLayerCount) : 0

/** Bytes of the main model's checkpoint in full precision and in the released FP8 layout. @param config sizes */
export function checkpointSizes(config: ModelConfig): { readonly float32: number; readonly releasedFp8: number } {
  const bytesIn = (format: 'float32' | 'released-fp8') => checkpointBytes(checkpointTensors(config, { format, withMtp: false }))
  return { float32: bytesIn('float32'), releasedFp8: bytesIn('released-fp8') }
}
