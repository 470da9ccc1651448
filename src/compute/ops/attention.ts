/** Causal attention over an expanded latent: the training and prefill form of MLA's core. */
import { invariant } from '../../base/errors.ts'
import { bits, edgeNumbers } from '../machine.ts'
import type { Tensor } from '../tensor.ts'

/** The sizes that the flat rows of attention's operands do not show. */
export interface AttentionShape {
  /** T: positions in a sequence; M = B T. */
  readonly length: number
  readonly headCount: number
  readonly nopeWidth: number
  readonly ropeWidth: number
  readonly valueWidth: number
  /** Factor on the scores. */
  readonly scale: number
  /** First position in its row that each token may see (its document's start), i32; without it, the row's start. */
  readonly start_M?: Tensor
}

const queryBlock = 48
const keyBlock = 512
const ceil8 = (x: number) => Math.ceil(x / 8) * 8

/** Numbers of scratch that one thread of the backward kernel needs; the layout is in kernels/attention.ts. */
function backwardScratch({ length, nopeWidth, ropeWidth, valueWidth }: AttentionShape): number {
  const X = nopeWidth + ropeWidth
  return (
    edgeNumbers +
    ceil8(length) * (X + ceil8(X) + X + valueWidth) +
    queryBlock * (2 * ceil8(X) + 2 * ceil8(valueWidth) + 2 + 2 * keyBlock + keyBlock + 16)
  )
}

/**
 *   out_i = sum over visible j of softmax_j((qNope_i · kNope_j + qRope_i · kRope_j) * scale) v_j       for each head
 *
 * q_MX     X = H (N + R): each head [nope | rope], rotated
 * kv_MY    Y = H (N + W): each head [key | value]
 * kRope_MR rotated, shared by all heads; a view of columns will do
 * → out_MZ, Z = H W. DeepSeek-V3 report, equations 1 to 11.
 */
export function attention(q_MX: Tensor, kv_MY: Tensor, kRope_MR: Tensor, shape: AttentionShape): Tensor {
  const { machine } = q_MX
  const { length: T, headCount: H, nopeWidth: N, ropeWidth: R, valueWidth: W, scale, start_M } = shape
  const M = q_MX.shape[0]
  const B = T === 0 ? 0 : M / T
  invariant(Number.isInteger(B), `attention: expected rows in whole sequences of ${T}, got ${M}`)
  const out_MZ = machine.tensor([M, H * W])
  const lse_MH = machine.tensor([M, H])
  const packed = machine.heap.allocate(B * H * ceil8(T) * (N + R + ceil8(W)) * 4)
  const scratch = machine.heap.allocate(machine.threads * (edgeNumbers + queryBlock * (ceil8(T) + 16)) * 4)
  const starts = start_M?.address ?? 0
  const sizes = [B, T, H, N, R, W, bits(scale)]
  machine.run(
    'attention',
    out_MZ.address,
    lse_MH.address,
    q_MX.address,
    kv_MY.address,
    kRope_MR.address,
    kRope_MR.rowStride,
    starts,
    ...sizes,
    packed,
    scratch,
  )
  machine.heap.free(scratch)
  machine.heap.free(packed)
  const { tape } = machine
  if (!tape) {
    machine.heap.free(lse_MH.address)
    return out_MZ
  }
  tape.record({
    made: [out_MZ, lse_MH],
    inputs: () => {
      const [dq, dkv, dRope] = [tape.into(q_MX), tape.into(kv_MY), tape.into(kRope_MR)]
      invariant(!dq.accumulate && !dkv.accumulate && !dRope.accumulate, 'attention: expected to be the only user of its operands')
      const perHead = machine.heap.allocate(M * H * R * 4)
      const space = machine.heap.allocate(machine.threads * backwardScratch(shape) * 4)
      machine.run(
        'attentionBackward',
        dq.gradient.address,
        dkv.gradient.address,
        dRope.gradient.address,
        kRope_MR.rowStride,
        tape.gradientOf(out_MZ).address,
        out_MZ.address,
        lse_MH.address,
        q_MX.address,
        kv_MY.address,
        kRope_MR.address,
        starts,
        ...sizes,
        perHead,
        space,
      )
      machine.heap.free(space)
      machine.heap.free(perHead)
    },
  })
  return out_MZ
}
