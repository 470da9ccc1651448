/**
 * Output head and cross-entropy in one, in chunks of rows: no [tokens, vocabulary] matrix exists.
 *
 * The loss is where gradients start, so a chunk's gradients follow its logits at once and the logits are never
 * computed twice; what stays is dh. The head's own gradient is therefore summed up in the forward pass.
 */
import { dims } from '../dims.ts'
import { bits } from '../machine.ts'
import { ready } from '../precision.ts'
import { columns, Tensor } from '../tensor.ts'
import { weightsProduct } from './linear-products.ts'
import { type Packed, pack, productPacked } from './product.ts'

/** Numbers in a chunk of logits, about: 16 MiB of f32. */
const chunkNumbers = 2 ** 22

/** Numbers between rows of logits, so that rows of a power of two do not meet in the same cache sets. */
const rowPadding = 16

/**
 * Weights that depend on the losses themselves, as a policy's gradient does on its probabilities: told the losses of the
 * rows from `from` on, writes the weight of each. Called once for each chunk of rows, in order.
 */
export type WeightOfLoss = (loss: Float32Array, from: number, weight: Float32Array) => void

/** `count` rows of a matrix or vector from row `from` on. */
function rows(x: Tensor, from: number, count: number): Tensor {
  const width = x.shape.length === 1 ? 1 : x.rowStride
  return new Tensor(x.machine, x.address + 4 * from * width, [count, ...x.shape.slice(1)], x.dtype, { base: x.base, rowStride: width })
}

/** The head as the right operand of logits, or of the gradient that goes back. */
function packFor(product: 'forward' | 'inputs', w_VD: Tensor): Packed {
  const w = ready({ product, operand: 'weight', weight: w_VD, tensor: w_VD })
  const packed = pack(w.tensor, product === 'forward')
  w.free()
  return packed
}

/**
 *   loss_m = logsumexp(h_m · wᵀ) - (h_m · wᵀ)[target_m]
 *
 * h_MD      the model's last hidden state, normalised
 * w_VD      the head, a parameter
 * target_M  i32, each below V
 * weight_M  factor of each loss in the objective, its mean's divisor included; 0 leaves a position out. A function is told
 *           the losses first and is not differentiated itself.
 * → loss_M, nats, without the weights. With a tape, the objective's gradient is sum over m of weight_m loss_m.
 */
export function headCrossEntropy(h_MD: Tensor, w_VD: Tensor, target_M: Tensor, weight: Tensor | WeightOfLoss): Tensor {
  const { machine } = h_MD
  const weightOfLoss = typeof weight === 'function' ? weight : undefined
  const weight_M = typeof weight === 'function' ? machine.tensor([target_M.count]) : weight
  const { M, D, V } = dims({ h_MD, w_VD, target_M, weight_M })
  const { tape } = machine
  const loss_M = machine.tensor([M])
  const dh_MD = tape ? machine.tensor([M, D]) : undefined
  const step = Math.min(M, Math.max(64, Math.floor(chunkNumbers / V / 96) * 96))
  const down = packFor('forward', w_VD)
  const up = tape ? packFor('inputs', w_VD) : undefined
  const logits = columns(machine.tensor([step, V + rowPadding]), 0, V)
  for (let from = 0; from < M; from += step) {
    const count = Math.min(step, M - from)
    const h = rows(h_MD, from, count)
    const part = rows(logits, 0, count)
    const activation = ready({ product: 'forward', operand: 'activation', weight: w_VD, tensor: h })
    productPacked(part, activation.tensor, down)
    activation.free()
    const at = 4 * from
    const crossEntropy = (writesGradient: boolean) =>
      machine.run(
        'crossEntropy',
        part.address,
        target_M.address + at,
        weight_M.address + at,
        loss_M.address + at,
        count,
        V,
        writesGradient ? 1 : 0,
        part.rowStride,
      )
    if (weightOfLoss) {
      crossEntropy(false)
      const { buffer } = machine.heap.memory
      weightOfLoss(new Float32Array(buffer, loss_M.address + at, count), from, new Float32Array(buffer, weight_M.address + at, count))
    }
    if (!weightOfLoss || tape) crossEntropy(tape !== null)
    if (!up || !dh_MD || !tape) continue
    const gradient = ready({ product: 'inputs', operand: 'gradient', weight: w_VD, tensor: part })
    productPacked(rows(dh_MD, from, count), gradient.tensor, up)
    gradient.free()
    weightsProduct(w_VD, tape.into(w_VD).gradient, part, h)
  }
  machine.heap.free(logits.base.address)
  up?.free()
  down.free()
  tape?.record({
    made: weightOfLoss ? [loss_M, dh_MD!, weight_M] : [loss_M, dh_MD!],
    inputs: () => {
      const { gradient, accumulate } = tape.into(h_MD)
      machine.run('addScaled', gradient.address, dh_MD!.address, dh_MD!.count, bits(1), bits(accumulate ? 1 : 0))
    },
  })
  return loss_M
}
