/**
 * Draws a token for each of several rows of logits, and says how likely the model itself held it: what rollouts are made of.
 *
 * The exponentials are the kernels' (a vocabulary of some thousand takes JavaScript longer than the model takes for a row).
 * A row's draw depends on its logits and its own random stream only.
 */
import { usageError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { bits, type Machine, type Tensor } from '../compute/index.ts'
import { likeliest } from './sampling.ts'

/** A token that was drawn. */
export interface Drawn {
  readonly id: number
  /** ln p of it by the model's own distribution: temperature 1, the whole vocabulary. */
  readonly logProbability: number
}

/** Space for drawing from rows. Its memory is of the heap's innermost scope, until `free`. */
export class RowSampler {
  readonly #machine: Machine
  readonly #weights_MV: Tensor
  readonly #sums_M2: Tensor
  /** M numbers of f64. */
  readonly #uniforms: Tensor
  readonly #ids_M: Tensor

  /** @param maxRows rows at once, at most */
  constructor(machine: Machine, maxRows: number, vocabSize: number) {
    this.#machine = machine
    this.#weights_MV = machine.tensor([maxRows, vocabSize])
    this.#sums_M2 = machine.tensor([maxRows, 2])
    this.#uniforms = machine.tensor([maxRows, 2])
    this.#ids_M = machine.tensor([maxRows], 'i32')
  }

  /**
   * One token for each row.
   *
   * @param logits_MV   stays as it is
   * @param idCount     ids that may be drawn
   * @param temperature 0 takes the likeliest
   * @param streams     one a row; each moves by one draw, unless the temperature is 0
   * @throws UsageError when logits are not finite: the weights are damaged
   */
  draw(logits_MV: Tensor, idCount: number, temperature: number, streams: readonly Random[]): Drawn[] {
    const [M, V] = logits_MV.shape as [number, number]
    const isDrawn = temperature > 0
    const inverse = bits(isDrawn ? 1 / temperature : 1)
    const uniforms = new Float64Array(this.#machine.heap.memory.buffer, this.#uniforms.address, M)
    for (const [row, rng] of streams.entries()) uniforms[row] = isDrawn ? rng.uniform() : 0
    const [weights, sums, ids] = [this.#weights_MV.address, this.#sums_M2.address, this.#ids_M.address]
    this.#machine.run('likelihoods', logits_MV.address, weights, sums, M, V, idCount, inverse, this.#uniforms.address, ids)
    const logits = logits_MV.data as Float32Array
    const totals = this.#sums_M2.data
    const drawn = this.#ids_M.data
    return streams.map((_, row) => {
      const [total, logSum] = [totals[2 * row], totals[2 * row + 1]]
      if (!Number.isFinite(total + logSum))
        throw usageError('logits', 'finite numbers', String(logSum), 'The weights of this model are damaged or diverged.')
      const ofRow = logits.subarray(row * V, row * V + idCount)
      const id = isDrawn ? drawn[row] : likeliest(ofRow, idCount)
      return { id, logProbability: ofRow[id] - logSum }
    })
  }

  /** Returns its memory. */
  free(): void {
    for (const { address } of [this.#weights_MV, this.#sums_M2, this.#uniforms, this.#ids_M]) this.#machine.heap.free(address)
  }
}
