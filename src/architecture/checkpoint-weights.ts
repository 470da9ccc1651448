/**
 * A model's weights as a released checkpoint holds them: its names, its shapes, one tensor for every expert's matrix.
 */
import { rejectViolations } from '../base/errors.ts'
import type { Tensor } from '../compute/index.ts'
import type { TensorSource, TensorToWrite } from '../foundations/index.ts'
import type { Model } from './model.ts'
import type { ModelParameters } from './parameters.ts'

/** A checkpoint's tensor as a window on our memory. Valid until the heap grows. */
interface Window {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array
}

const countOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)

/** Every weight of the model once, router biases included, the copies that MTP layers carry in releases not. */
function windows({ set, biases }: ModelParameters, flat: Tensor | Float32Array = set.weights): Window[] {
  const { buffer } = set.weights.machine.heap.memory
  const whole = flat instanceof Float32Array ? flat : new Float32Array(buffer, flat.address, flat.count)
  const from = (tensor: Tensor, offset: number) => (tensor.address - set.weights.address) / 4 + offset
  const found: Window[] = set.named.flatMap(({ tensor, parts }) =>
    parts.map(({ name, shape, offset }) => ({
      name,
      shape,
      data: whole.subarray(from(tensor, offset), from(tensor, offset) + countOf(shape)),
    })),
  )
  for (const { name, tensor } of biases)
    found.push({ name, shape: tensor.shape, data: new Float32Array(buffer, tensor.address, tensor.count) })
  return found
}

/** Names of the copies of embedding and head that a released MTP layer carries, and what they copy. */
function copies(model: Model): { name: string; original: string }[] {
  return model.parameters.mtp.flatMap((_, k) => {
    const prefix = `model.layers.${model.config.layerCount + k}`
    return [
      { name: `${prefix}.embed_tokens.weight`, original: 'model.embed_tokens.weight' },
      { name: `${prefix}.shared_head.head.weight`, original: 'lm_head.weight' },
    ]
  })
}

/**
 * The weights to write, as f32, in the layout of the released checkpoints (MTP as layers L, L + 1, … with their copies).
 *
 * @param from a vector of the same layout as the weights (a moving average, moments); default: the weights themselves
 */
export function weightsToWrite(model: Model, from: Tensor | Float32Array = model.parameters.set.weights): TensorToWrite[] {
  const found = windows(model.parameters, from)
  const byName = new Map(found.map((window) => [window.name, window]))
  for (const { name, original } of copies(model)) {
    const { shape, data } = byName.get(original)!
    found.push({ name, shape, data })
  }
  return found
}

/**
 * Fills the model from a checkpoint; the file's floats are widened to f32.
 *
 * @throws UsageError with every tensor that is missing, superfluous or of another shape; nothing is read then
 */
export function readWeights(model: Model, source: TensorSource): void {
  const found = windows(model.parameters)
  const copied = new Set(copies(model).map(({ name }) => name))
  const known = new Set(found.map(({ name }) => name))
  const violations: string[] = []
  for (const { name, shape } of found) {
    const there = source.tensors.get(name)
    if (!there) violations.push(`${name}: expected a tensor of [${shape.join(', ')}], got none`)
    else if (there.shape.join() !== shape.join())
      violations.push(`${name}: expected [${shape.join(', ')}], got [${there.shape.join(', ')}]`)
  }
  for (const name of source.tensors.keys()) {
    if (!known.has(name) && !copied.has(name)) violations.push(`${name}: expected no such tensor for this config.json`)
  }
  rejectViolations(source.subject, violations, 'Does config.json belong to these weights?')
  for (const { name, data } of found) source.readFloat32(name, data)
}

/** Gradients under the checkpoint's names, copied out of the heap. For tests and conformance. */
export function gradientsByName(model: Model): Map<string, Float32Array> {
  const { set } = model.parameters
  if (!set.gradients) return new Map()
  const biases = new Set(model.parameters.biases.map(({ name }) => name))
  return new Map(
    windows(model.parameters, set.gradients)
      .filter(({ name }) => !biases.has(name))
      .map(({ name, data }) => [name, data.slice()]),
  )
}
