/** What ablations have to say: for each pair of arms and each metric one result, with the interval that decides it. */
import type { AccumulationArm } from './accumulation.ts'
import type { ArmNumbers } from './arm-numbers.ts'

/** What the samples behind an interval are: seeds when there are three or more, otherwise pieces of the same held-out text. */
export type IntervalOver = 'seeds' | 'rows' | 'batches' | 'tensors' | 'products'

/** Whether the variant's value lies below the control's or above it; "not established" when the interval holds zero. */
export type Verdict = 'lower' | 'higher' | 'not established'

/** The model and the training that both arms start from, before what they change. */
export interface AblationBase {
  readonly width: number
  readonly layerCount: number
  readonly vocabSize: number
  readonly rowLength: number
  readonly rows: number
}

/** Variant less control. An arm whose training broke has an infinite loss; where both broke the difference is NaN. */
export interface AblationDifference {
  readonly difference: number
  /** Ends of the 95 % interval. */
  readonly low: number
  readonly high: number
  /** Samples behind it. */
  readonly n: number
  readonly intervalOver: IntervalOver
  readonly verdict: Verdict
}

export interface AblationResultEvent extends AblationDifference {
  readonly type: 'ablation/result'
  /** Name of the ablation. */
  readonly name: string
  /** Ids of the claims that it bears on. */
  readonly claims: readonly string[]
  /** Names of the two arms, and what each of them is, in words. */
  readonly variant: string
  readonly control: string
  readonly says: { readonly variant: string; readonly control: string }
  /** Runs of each arm; run i of both has the same seed and reads the same text. */
  readonly seeds: number
  /** Tokens of each run. */
  readonly tokens: number
  /** As `ablationMetrics` names it, with its unit. */
  readonly metric: string
  readonly unit: string
  /** The domain whose held-out rows count; null for all rows. */
  readonly domain: string | null
  readonly base: AblationBase
  readonly details: {
    readonly variant: ArmNumbers
    readonly control: ArmNumbers
    /** Difference in loss on the held-out rows of each domain, nats a token. */
    readonly byDomain: Readonly<Record<string, AblationDifference>>
  }
  /** Whether every run was there from before. */
  readonly wasCached: boolean
  /** Of the training and scoring behind it, whenever they were done. */
  readonly seconds: number
}

/** Gradients and weights when a batch is taken in parts: sums in f32, and sums that are rounded to bf16 after each part. */
export interface AccumulationEvent extends AblationDifference {
  readonly type: 'ablation/accumulation'
  readonly name: 'accumulation'
  readonly claims: readonly string[]
  readonly variant: 'bf16 sums'
  readonly control: 'f32 sums'
  readonly metric: string
  readonly unit: string
  readonly base: AblationBase
  /** k: parts of a batch. */
  readonly parts: number
  readonly steps: number
  readonly details: { readonly variant: AccumulationArm; readonly control: AccumulationArm }
  readonly wasCached: boolean
  readonly seconds: number
}

/** What a way of keeping less comes to, beside the plain training. */
export interface MemorySaving {
  readonly name: string
  readonly says: string
  /** Whether training comes to other numbers with it. */
  readonly changesNumbers: boolean
  /** Peak of the heap, what lies in it before training left out: as planned, and as the heap saw it. */
  readonly predictedBytes: number
  readonly measuredBytes: number
  /** In the host's own memory instead. */
  readonly outsideBytes: number
  /** Whether weights and average after the steps are those of the plain training, bit for bit. */
  readonly hasSameNumbers: boolean
  /** Time of a step by that of a plain one, run in turn in one process. */
  readonly stepRatio: { readonly median: number; readonly lowerQuartile: number; readonly upperQuartile: number; readonly pairs: number }
}

/** Heap and time of training steps that keep less, each setting alone and all together; at the size of the run's own model. */
export interface MemoryEvent {
  readonly type: 'ablation/memory'
  readonly name: string
  readonly claims: readonly string[]
  readonly base: AblationBase
  /** MTP modules included. */
  readonly parameters: number
  /** Rows that go through the model at once. */
  readonly rowsAtOnce: number
  /** Steps behind each peak. */
  readonly steps: number
  /** Everything kept in f32, a moving average among it. */
  readonly plain: { readonly predictedBytes: number; readonly measuredBytes: number; readonly stepSeconds: number }
  readonly savings: readonly MemorySaving[]
  readonly wasCached: boolean
  readonly seconds: number
}

/** Errors of a trained model's products or gradients in FP8, beside f32, rounded or summed in two ways. */
export interface PrecisionEvent extends AblationDifference {
  readonly type: 'ablation/precision'
  readonly name: 'fp8-products'
  readonly claims: readonly string[]
  readonly variant: string
  readonly control: string
  /** As `precisionMetrics` names it, with its unit. */
  readonly metric: string
  readonly unit: string
  readonly base: AblationBase
  /** Tokens that the model was trained on, and tokens that went through it to be measured. */
  readonly tokens: number
  readonly batchTokens: number
  /** Mean error. */
  readonly details: { readonly variant: number; readonly control: number }
  readonly wasCached: boolean
  readonly seconds: number
}

/** Events that are differences between two arms. */
export type DifferenceEvent = AblationResultEvent | AccumulationEvent | PrecisionEvent

export type AblationEvent = DifferenceEvent | MemoryEvent
