/**
 * A step of decoding as a list that the kernels run in one command: which products, in which order, and where all threads
 * wait for each other. Written down once for a model; what changes from token to token stands in the sequences' words.
 *
 * Rows here are few (one token of each sequence), so nothing is tiled and nothing is recorded for a gradient. The list
 * itself is explained in kernels/decode.ts.
 */
import { invariant } from '../../base/errors.ts'
import { dims } from '../dims.ts'
import { bits, type Machine } from '../machine.ts'
import type { Tensor } from '../tensor.ts'
import type { PackedWeights } from './packed-weights.ts'
import type { RouteOptions } from './route.ts'
import type { Rotation } from './rope.ts'

/** Kinds of entries, with the numbers of the switch in kernels/decode.ts. */
const kinds = { embed: 0, linear: 1, gated: 2, experts: 3, combine: 4, cache: 5, attend: 6, norm: 7 } as const
/** Words of an entry and of a sequence. */
const entryWords = 24
const sequenceWords = 4
/** Bytes of a row of the two tiles at the front of a thread's scratch. */
const tileRowBytes = 2 * 128
/** Words of a counter: a cache line. */
const counterWords = 16
/** Shares of a group for each thread: two, so that one that comes late finds something to do. */
const sharesPerThread = 2

/** RMSNorm of a product's input, worked out by each thread on the way. */
export interface InputNorm {
  readonly gain_D: Tensor
  readonly epsilon: number
}

/** One token of a sequence, on its way through the list. */
export interface SequenceToken {
  readonly id: number
  /** Its position; the cache holds all before it. */
  readonly position: number
  /** Address of the sequence's cache: for each layer rows of [latent | rotated key], one a position. */
  readonly cacheAddress: number
  /** From a layer of the cache to the next, in bytes. */
  readonly layerBytes: number
}

/** Head sizes and what queries are rotated and scaled with. */
export interface AbsorbedShape {
  readonly headCount: number
  readonly nopeWidth: number
  readonly valueWidth: number
  readonly scale: number
  readonly rotation: Pick<Rotation, 'cosine_TP' | 'sine_TP'>
}

/** The experts of a layer, as `decode` reads them: only those that are chosen. */
export interface ExpertStep {
  readonly logits_ME: Tensor
  readonly bias_E: Tensor | null
  readonly gateUp_EGD: Tensor
  readonly down_EDI: Tensor
  /** Choices by expert, written by the first half: where each expert's begin, E + 1, then their tokens and gates, M A each. */
  readonly sorted: Tensor
  /** Activations of each choice, [M A, I], in that order. */
  readonly h_UI: Tensor
}

const norms = (norm: InputNorm | undefined) => [norm?.gain_D.address ?? 0, bits(norm?.epsilon ?? 0)]

/** The list of a model's step of decoding: written entry by entry, finished, then run once a token. */
export class DecodeSteps {
  readonly machine: Machine
  readonly maxRows: number
  readonly #weights: PackedWeights
  readonly #entries: number[][] = []
  readonly #sequences: number
  readonly #scratch: number
  readonly #scratchBytes: number
  #list = 0
  #groupCount = 0
  #counterCount = 0
  #counters = 0

  /**
   * @param weights       where the list's matrices are packed
   * @param maxRows       sequences in a step, at most
   * @param normWidth     longest row that is normalised on the way
   * @param otherNumbers  scratch of a thread beside those rows, in numbers: `attendScratch` and `expertScratch`
   */
  constructor(machine: Machine, weights: PackedWeights, maxRows: number, normWidth: number, otherNumbers: number) {
    this.machine = machine
    this.maxRows = maxRows
    this.#weights = weights
    this.#scratchBytes = maxRows * tileRowBytes + 64 * Math.ceil((maxRows * normWidth + otherNumbers) / 16)
    this.#scratch = machine.heap.allocate(machine.threads * this.#scratchBytes)
    this.#sequences = machine.heap.allocate(maxRows * sequenceWords * 4)
  }

  #add(kind: keyof typeof kinds, ...values: readonly number[]): void {
    this.#entries.push([kinds[kind], 0, ...values])
  }

  /** What follows reads what the entries so far wrote: it begins when all of them are done. */
  wait(): void {
    this.#entries.at(-1)![1] = 1
  }

  /** x_MD = table_VD[id of each sequence] */
  embed(x_MD: Tensor, table_VD: Tensor): void {
    this.#add('embed', x_MD.address, table_VD.address, dims({ x_MD, table_VD }).D)
  }

  /** y_MN (+)= norm(x_MK) · w_NKᵀ; w may be a view of columns */
  linear(y_MN: Tensor, w_NK: Tensor, x_MK: Tensor, { norm, accumulate = false }: { norm?: InputNorm; accumulate?: boolean } = {}): void {
    const { N, K } = dims({ y_MN, w_NK, x_MK })
    this.#add('linear', y_MN.address, this.#weights.addressOf(w_NK), x_MK.address, ...norms(norm), N, K, accumulate ? 1 : 0)
  }

  /** y_MD = norm(x_MD) */
  norm(y_MD: Tensor, x_MD: Tensor, norm: InputNorm): void {
    this.#add('norm', y_MD.address, x_MD.address, ...norms(norm), dims({ y_MD, x_MD, gain_D: norm.gain_D }).D)
  }

  /** h_MF = silu(gate) * up of norm(x_MD) · wGateUp_GDᵀ, G = 2 F */
  gated(h_MF: Tensor, wGateUp_GD: Tensor, x_MD: Tensor, norm: InputNorm): void {
    const { F, D } = dims({ h_MF, wGateUp_GD, x_MD })
    this.#add('gated', h_MF.address, this.#weights.addressOf(wGateUp_GD, 2), x_MD.address, ...norms(norm), F, D)
  }

  /** Router's choice from its logits, and the chosen experts' first halves, their gates multiplied in. */
  experts(step: ExpertStep, x_MD: Tensor, norm: InputNorm, options: Omit<RouteOptions, 'balance'>): void {
    const { logits_ME, bias_E, gateUp_EGD, down_EDI, sorted, h_UI } = step
    const { D, E, I } = dims({ x_MD, logits_ME, gateUp_EGD, down_EDI, h_UI })
    this.#add(
      'experts',
      h_UI.address,
      sorted.address,
      x_MD.address,
      ...norms(norm),
      D,
      logits_ME.address,
      bias_E?.address ?? 0,
      this.#weights.addressOf(gateUp_EGD, 2),
      I,
      E,
      options.activeExpertCount,
      options.groupCount,
      options.activeGroupCount,
      options.isGateNormalized ? 1 : 0,
      bits(options.routedScale),
      options.gate === 'softmax' ? 1 : 0,
    )
  }

  /** x_MD += the chosen experts' second halves */
  combine(x_MD: Tensor, { h_UI, sorted, down_EDI }: ExpertStep, activeExpertCount: number): void {
    const { D, I, E } = dims({ x_MD, h_UI, down_EDI })
    this.#add('combine', x_MD.address, h_UI.address, sorted.address, this.#weights.addressOf(down_EDI), D, I, activeExpertCount, E)
  }

  /** Puts [norm(latent) | rotated key] of each row of latent_MY, Y = C + R, into its sequence's cache. */
  cache(layerIndex: number, latent_MY: Tensor, norm: { gain_C: Tensor; epsilon: number }, { rotation }: AbsorbedShape): void {
    const { Y, C } = dims({ latent_MY, gain_C: norm.gain_C })
    const { cosine_TP, sine_TP } = rotation
    const gain = [norm.gain_C.address, bits(norm.epsilon)]
    this.#add('cache', latent_MY.address, ...gain, C, Y - C, layerIndex, cosine_TP.address, sine_TP.address)
  }

  /**
   * Attention on the cache, W_UK and W_UV absorbed.
   *
   * out_MO     O = H W
   * query_MX   X = H (N + R), not yet rotated
   * expand_ZC  Z = H (N + W): each head's W_UK above its W_UV
   */
  attend(layerIndex: number, out_MO: Tensor, query_MX: Tensor, expand_ZC: Tensor, shape: AbsorbedShape): void {
    const { headCount, nopeWidth, valueWidth, scale, rotation } = shape
    const { X, C } = dims({ out_MO, query_MX, expand_ZC })
    const sizes = [headCount, nopeWidth, X / headCount - nopeWidth, valueWidth, C, layerIndex, bits(scale)]
    const { cosine_TP, sine_TP } = rotation
    this.#add('attend', out_MO.address, query_MX.address, expand_ZC.address, ...sizes, cosine_TP.address, sine_TP.address)
  }

  /** Ends the list: it is written to the heap, and can be run from now on. */
  finish(): void {
    const { heap } = this.machine
    this.wait()
    this.#groupCount = this.#entries.filter(([, isLast]) => isLast === 1).length
    // The number of the running group; for each group the shares that are done, and those taken of each thread's.
    this.#counterCount = 1 + this.#groupCount * (1 + this.machine.threads)
    this.#counters = heap.allocate(this.#counterCount * counterWords * 4)
    this.#list = heap.allocate(this.#entries.length * entryWords * 4)
    const words = new Int32Array(heap.memory.buffer, this.#list, this.#entries.length * entryWords)
    for (const [i, entry] of this.#entries.entries()) words.set(entry, i * entryWords)
  }

  /** Sends one token of each sequence through the list. Rows of one sequence may follow each other, positions rising. */
  run(tokens: readonly SequenceToken[]): void {
    const { machine } = this
    invariant(tokens.length <= this.maxRows, `decode: expected at most ${this.maxRows} sequences, got ${tokens.length}`)
    invariant(this.#list !== 0, 'decode: expected the list to be finished first')
    const words = new Int32Array(machine.heap.memory.buffer, this.#sequences, tokens.length * sequenceWords)
    for (const [m, { id, position, cacheAddress, layerBytes }] of tokens.entries())
      words.set([id, position, cacheAddress, layerBytes], m * sequenceWords)
    new Int32Array(machine.heap.memory.buffer, this.#counters, this.#counterCount * counterWords).fill(0)
    const shares = machine.threads === 1 ? 1 : sharesPerThread * machine.threads
    const space = [this.#sequences, this.#scratch, this.#scratchBytes]
    machine.run('decode', this.#list, this.#groupCount, tokens.length, ...space, shares, this.#counters)
  }

  /** Returns its memory. */
  free(): void {
    const { heap } = this.machine
    for (const address of [this.#list, this.#counters, this.#sequences, this.#scratch]) if (address !== 0) heap.free(address)
  }
}

/** Numbers of scratch for attention on a cache. @param positions longest sequence, in tokens */
export const attendScratch = (keyValueRank: number, ropeWidth: number, positions: number) => 2 * keyValueRank + ropeWidth + 1 + positions

/** Numbers of scratch for the routers' choices. @param choices rows times active experts */
export const expertScratch = (expertCount: number, groupCount: number, choices: number) => 3 * expertCount + 1 + groupCount + 5 * choices
