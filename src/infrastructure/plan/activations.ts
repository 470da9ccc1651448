/**
 * What a layer keeps of one token between its forward and its backward pass, tensor by tensor, and which saving changes it.
 *
 * The savings are those of the DeepSeek-V3 report, sections 3.2.3 and 3.3.3. Expert tensors count once for each routed
 * expert that the token visits, wherever that expert is: with balanced experts a device keeps as many rows as it sends.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import type { Layout, Savings } from './layout.ts'

export interface KeptTensor {
  readonly name: string
  /** Numbers a token. */
  readonly elements: number
  readonly bytesPerElement: number
  /** The saving that makes it smaller or lets it vanish. */
  readonly savedBy: keyof Savings | null
}

/** FP8 with one f32 scale every 128 values. */
const fp8 = 1 + 4 / 128
/** E5M6, 12 bits, with a scale every 128 values. */
const e5m6 = 1.5 + 4 / 128

/**
 * @param kind which FFN the layer has
 * @returns tensors with their size under the layout's savings; zero elements when a saving drops them
 */
export function keptTensors(model: ModelConfig, { savings, precision }: Layout, kind: 'dense' | 'moe'): KeptTensor[] {
  const { width: D, headCount: H, queryRank, keyValueRank: C, nopeWidth: N, ropeWidth: R, valueWidth: W } = model
  const usesFp8 = savings.fp8ActivationCache && precision === 'fp8'
  const linear = usesFp8 ? fp8 : 2
  const special = usesFp8 ? e5m6 : 2
  const again = savings.recomputeNormsAndUpProjections
  const kept = (name: string, elements: number, bytesPerElement: number, savedBy: keyof Savings | null): KeptTensor => ({
    name,
    elements,
    bytesPerElement,
    savedBy,
  })
  const ffn = (prefix: string, rows: number, width: number, hasOwnInput: boolean) => [
    kept(`${prefix} input`, hasOwnInput ? rows * D : 0, linear, 'fp8ActivationCache'),
    kept(`${prefix} SwiGLU input`, rows * 2 * width, linear, 'fp8ActivationCache'),
    kept(`${prefix} SwiGLU output`, savings.recomputeSwiglu ? 0 : rows * width, linear, 'recomputeSwiglu'),
  ]
  const attention = [
    kept('attention residual', D, 2, null),
    kept('attention norm output', again ? 0 : D, linear, 'recomputeNormsAndUpProjections'),
    kept('query and key-value latents, rope key', (queryRank ?? 0) + C + R, 2, null),
    kept('latent norm outputs', again ? 0 : (queryRank ?? 0) + C, linear, 'recomputeNormsAndUpProjections'),
    kept('queries, keys and values of all heads', again ? 0 : H * (2 * (N + R) + W), 2, 'recomputeNormsAndUpProjections'),
    kept('attention output', H * W, special, 'fp8ActivationCache'),
    kept('softmax statistics', H, 4, null),
    kept('FFN residual', D, 2, null),
    // The FFN's input is its norm's output: kept once, for the shared and dense FFN and as the source of dispatch.
    kept('FFN norm output', again ? 0 : D, linear, 'recomputeNormsAndUpProjections'),
  ]
  if (kind === 'dense') return [...attention, ...ffn('dense FFN', 1, model.denseFfnWidth, false)]
  return [
    ...attention,
    kept('router scores', model.expertCount, 4, null),
    ...ffn('routed experts', model.activeExpertCount, model.expertFfnWidth, true),
    ...ffn('shared experts', 1, model.sharedExpertCount * model.expertFfnWidth, false),
  ]
}

/** Bytes of one token in one layer. */
export const keptBytes = (tensors: readonly KeptTensor[]): number =>
  tensors.reduce((sum, { elements, bytesPerElement }) => sum + elements * bytesPerElement, 0)
