/**
 * What a model is made of: every size of the DeepSeek-V3 family in one flat, readonly record.
 *
 * Letters are those of the dimension key in CONTRIBUTING.md; source: DeepSeek-V3 report, sections 2.1 and 4.2.
 */

/** YaRN's settings, as the released checkpoints carry them. */
export interface YarnConfig {
  /** s: how many times the trained length is stretched. */
  readonly factor: number
  /** Rotations over the trained length above which a frequency is left alone. */
  readonly betaFast: number
  /** Rotations below which a frequency is divided by `factor`. */
  readonly betaSlow: number
  readonly mscale: number
  readonly mscaleAllDim: number
  /** The length that the model was trained on, in tokens. */
  readonly originalLength: number
}

export interface ModelConfig {
  /** V: rows of the embedding. */
  readonly vocabSize: number
  /** D: width of the residual stream. */
  readonly width: number
  /** L: layers of the main model, the dense ones included. */
  readonly layerCount: number
  /** The first layers, whose FFN is dense. */
  readonly denseLayerCount: number
  /** H: attention heads. */
  readonly headCount: number
  /** Q: rank of the query latent; null where queries are not compressed (V2-Lite). */
  readonly queryRank: number | null
  /** C: rank of the key-value latent, the part that is cached. */
  readonly keyValueRank: number
  /** N: width of a head's part without position. */
  readonly nopeWidth: number
  /** R: width of a head's rotated part; its key is shared by all heads. Even. */
  readonly ropeWidth: number
  /** W: width of a head's value. */
  readonly valueWidth: number
  /** F: hidden width of a dense FFN. */
  readonly denseFfnWidth: number
  /** I: hidden width of one expert. */
  readonly expertFfnWidth: number
  /** E: routed experts in a layer. */
  readonly expertCount: number
  /** Shared experts, always on; together they are one FFN of width sharedExpertCount * I. */
  readonly sharedExpertCount: number
  /** A: routed experts that each token visits. */
  readonly activeExpertCount: number
  /** G: groups of consecutive experts (a group lives on one node of the published run). */
  readonly groupCount: number
  /** Groups that one token may visit. */
  readonly activeGroupCount: number
  /** sigmoid with a selection bias (V3), or softmax without one (V2). */
  readonly gate: 'sigmoid' | 'softmax'
  /** Divide the chosen gates by their sum. */
  readonly isGateNormalized: boolean
  /** Factor on the routed experts' output. */
  readonly routedScale: number
  /** J: depth of multi-token prediction, in modules. */
  readonly mtpDepth: number
  /** Base of the rotary frequencies. */
  readonly ropeTheta: number
  readonly yarn: YarnConfig | null
  /** Longest context, in tokens. */
  readonly maxLength: number
  /** RMSNorm's epsilon. */
  readonly normEpsilon: number
  /** Standard deviation of the initial weights. */
  readonly initStd: number
}
