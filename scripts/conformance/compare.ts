/**
 * Our model beside the answers of `transformers` to one case folder: logits, losses, chosen experts, every gradient.
 *
 * What a folder holds: README.md. `test/conformance.test.ts` runs this on the committed cases, `conformance.ts` on new ones.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createModel, forward, gradientsByName, logits, type Losses, readHfConfig, readWeights } from '../../src/architecture/index.ts'
import { type Machine, Tape } from '../../src/compute/index.ts'
import { openSafetensors, type TensorSource } from '../../src/foundations/index.ts'

/** What is asked of a case; the other keys of `request.json` are notes. */
export interface CaseRequest {
  /** Rows of T + 1 ids. */
  readonly tokenIds: readonly (readonly number[])[]
  readonly mtpWeight?: number
  readonly balanceWeight?: number
}

/** How far apart the two are. Relative errors are the largest difference over the largest value of that tensor. */
export interface Comparison {
  readonly parameterCount: number
  readonly tokenCount: number
  readonly logitsError: number
  /** Largest absolute difference of a loss: main, each MTP depth, each layer's balance, total; nats, but for the balance. */
  readonly lossError: number
  /** Of the gradient that is furthest off. */
  readonly gradientError: number
  readonly gradientName: string
  readonly gradientCount: number
  /** Choices of an expert, over all tokens and MoE layers, that the other side did not make. */
  readonly choicesElsewhere: number
  readonly choiceCount: number
  /** Gradients that one side has and the other lacks. */
  readonly oneSided: readonly string[]
}

/**
 * The largest difference over the largest expected value. Where all that is expected is zero: the largest difference.
 *
 * @returns NaN as soon as anything is NaN, so that no bound holds
 */
export function relativeError(ours: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (ours.length !== expected.length) return Number.NaN
  let largest = 0
  let difference = 0
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]))
    difference = Math.max(difference, Math.abs(ours[i] - expected[i]))
  }
  return largest === 0 ? difference : difference / largest
}

/** Every loss that the reference gives, ours less theirs. */
function lossDifferences({ main, mtp, routers, total }: Losses, expected: TensorSource): number[] {
  const against = (name: string, ours: readonly (number | undefined)[]) =>
    expected.tensors.has(name) ? Array.from(expected.readFloat32(name), (value, i) => Math.abs((ours[i] ?? Number.NaN) - value)) : []
  const balance = routers.map((report) => report.balance)
  return [
    ...against('main_loss', [main]),
    ...against('mtp_loss', mtp),
    ...against('balance_loss', balance),
    ...against('total_loss', [total]),
  ]
}

/** Counts the choices that are not among the expected ones of the same token; MoE layers of the main model, in order. */
function compareChoices({ routers }: Losses, expected: TensorSource): { choicesElsewhere: number; choiceCount: number } {
  let choicesElsewhere = 0
  let choiceCount = 0
  const layers = [...expected.tensors.keys()].filter((name) => name.startsWith('active_experts.'))
  const layerOf = (name: string) => Number(name.slice('active_experts.'.length))
  for (const [i, name] of layers.sort((a, b) => layerOf(a) - layerOf(b)).entries()) {
    const bytes = expected.readBytes(name)
    const theirs = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    const ours = routers[i].expert_MA.data
    const active = expected.entry(name).shape[1]
    choiceCount += theirs.length
    for (let from = 0; from < theirs.length; from += active) {
      const chosen = new Set(theirs.subarray(from, from + active))
      for (let a = 0; a < active; a++) if (!chosen.delete(ours[from + a])) choicesElsewhere++
    }
  }
  return { choicesElsewhere, choiceCount }
}

/** Every gradient of either side. The reference has none for modules that it did not run; ours are zero there. */
function compareGradients(ours: ReadonlyMap<string, Float32Array>, expected: TensorSource) {
  const prefix = 'gradient.'
  const names = [...expected.tensors.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  const oneSided = names.filter((name) => !ours.has(name))
  for (const [name, gradient] of ours) {
    if (!expected.tensors.has(prefix + name) && gradient.some((value) => value !== 0)) oneSided.push(name)
  }
  let gradientError = 0
  let gradientName = ''
  for (const name of names) {
    const gradient = ours.get(name)
    if (!gradient) continue
    const error = relativeError(gradient, expected.readFloat32(prefix + name))
    // Written so that NaN counts as the worst.
    if (error <= gradientError) continue
    gradientError = error
    gradientName = name
    if (Number.isNaN(error)) break
  }
  return { gradientError, gradientName, gradientCount: names.length, oneSided }
}

/**
 * Runs a case on our model and compares.
 *
 * @param machine what to run it on; its heap is as before afterwards
 * @param folder  with `config.json`, `model.safetensors`, `request.json` and `expected.safetensors`
 * @throws UsageError when a file is missing or does not fit the others
 */
export function compareCase(machine: Machine, folder: string): Comparison {
  const request = JSON.parse(readFileSync(path.join(folder, 'request.json'), 'utf8')) as CaseRequest
  const { tokenIds, mtpWeight = 0, balanceWeight = 0 } = request
  const rowTokens = tokenIds[0].length
  const batch = { rows: tokenIds.length, length: rowTokens - 1, rowTokens, tokens_BS: Int32Array.from(tokenIds.flat()) }
  const config = readHfConfig(path.join(folder, 'config.json'))
  using _scope = machine.scope()
  const model = createModel(machine, config, { withGradients: true, length: batch.length })
  const weights = openSafetensors(path.join(folder, 'model.safetensors'))
  readWeights(model, weights)
  weights.close()

  const expected = openSafetensors(path.join(folder, 'expected.safetensors'))
  const logitsError = relativeError(logits(model, batch).toArray(), expected.readFloat32('logits'))
  const tape = new Tape(machine)
  machine.tape = tape
  const losses = forward(model, batch, { mtpWeight, balanceWeight })
  machine.tape = null
  const choices = compareChoices(losses, expected)
  tape.backward()
  const gradients = compareGradients(gradientsByName(model), expected)
  const lossError = lossDifferences(losses, expected).reduce((worst, difference) => Math.max(worst, difference), 0)
  expected.close()
  return {
    parameterCount: model.parameters.set.weights.count,
    tokenCount: batch.rows * batch.length,
    logitsError,
    lossError,
    ...gradients,
    ...choices,
  }
}
