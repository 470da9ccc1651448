/**
 * Weights as inference reads them: each matrix once in the panels of `gemm`, made when the first list of decoding asks for it.
 *
 * Costs as much memory as the matrices themselves; a token is then one stream from front to back, a batch a matter of
 * arithmetic, and a prompt need not pack anything. Panels are a copy: whoever changes the weights refreshes them. Kernels:
 * `pack` in kernels/gemm.ts.
 */
import type { Machine } from '../machine.ts'
import { Tensor } from '../tensor.ts'
import { pack, type Packed, packInto, panelColumns, type Panels } from './product.ts'

interface Entry {
  /** w_NK, or w_GNK for several matrices. */
  readonly weights: Tensor
  readonly packed: Packed
}

/** Packed copies of weights, one of each. Their memory is of the heap's innermost scope at the time, until `free`. */
export class PackedWeights {
  readonly #machine: Machine
  readonly #entries = new Map<string, Entry>()

  constructor(machine: Machine) {
    this.#machine = machine
  }

  /**
   * The panels of a matrix, packed now unless they are there already.
   *
   * @param w          w_NK, a view of columns too; or w_ENK, one matrix for each expert
   * @param partsCount matrices of equal height that each matrix of w consists of, one above the other: 2 for gates and ups
   * @returns their address: matrix after matrix, each in whole panels of eight rows
   */
  addressOf(w: Tensor, partsCount = 1): number {
    const key = [w.address, w.rowStride, ...w.shape, partsCount].join()
    let entry = this.#entries.get(key)
    if (!entry) {
      const weights = partsCount === 1 ? w : inParts(this.#machine, w, partsCount)
      this.#entries.set(key, (entry = { weights, packed: pack(weights, true) }))
    }
    return entry.packed.address
  }

  /**
   * The panels of a matrix that has been packed, in one piece or in parts that are whole panels; nothing for others.
   *
   * @param w w_NK or w_ENK, as the product takes it
   */
  find(w: Tensor): Panels | undefined {
    const [N, K] = w.shape.slice(-2) as [number, number]
    const groupCount = w.shape.length === 3 ? w.shape[0] : 1
    for (const { weights, packed } of this.#entries.values()) {
      if (weights.address !== w.address || weights.rowStride !== w.rowStride || packed.K !== K) continue
      const isWhole = packed.N === N || (packed.N % panelColumns === 0 && N % packed.N === 0)
      if (isWhole && packed.N * packed.groupCount === N * groupCount) return { address: packed.address, N, K, groupCount }
    }
    return undefined
  }

  /** Packs everything again: the weights have changed. */
  refresh(): void {
    for (const { weights, packed } of this.#entries.values()) packInto(packed.address, weights, true)
  }

  /** Returns their memory. */
  free(): void {
    for (const { packed } of this.#entries.values()) packed.free()
    this.#entries.clear()
  }
}

/** The same numbers as more matrices of fewer rows. */
function inParts(machine: Machine, w: Tensor, partsCount: number): Tensor {
  const [rows, width] = w.shape.slice(-2) as [number, number]
  const matrices = partsCount * (w.shape.length === 3 ? w.shape[0] : 1)
  return new Tensor(machine, w.address, [matrices, rows / partsCount, width])
}
