/** What measurements of inference say to the run log. Rates are 10^9 a second. */

/** Prefill or decoding at one context length and one number of rows. Claims: inference.two-regimes, inference.decode-exposed. */
export interface RegimeEvent {
  readonly type: 'inference/regime'
  readonly kind: 'prefill' | 'decode'
  /** Tokens of the prompt, or in the cache before the decoded one. */
  readonly contextLength: number
  /** Sequences at once. */
  readonly rows: number
  readonly tokensPerSecond: number
  readonly flopsPerToken: number
  /** Weights and cache that must at least be read for a token, in bytes; weights are shared by the rows of a step. */
  readonly bytesPerToken: number
  /** The cache's part of them. */
  readonly cacheBytesPerToken: number
  readonly gflops: number
  readonly gbs: number
  /** FLOPs for each byte. */
  readonly arithmeticIntensity: number
  /** Time of a token, and what of it goes when a part is left out; null for prefill. */
  readonly split: DecodeSplit | null
}

/** Time of decoding a token by its parts; the parts add up to the whole. */
export interface DecodeSplit {
  readonly tokenSeconds: number
  /** Scores and mixing on the cached latents. */
  readonly cacheSeconds: number
  /** Routers' logits, choices, chosen experts. */
  readonly expertSeconds: number
  /** Everything else: projections, dense and shared FFNs, the head. */
  readonly weightSeconds: number
}

/** One step of decoding, whole and with a part left out. */
export interface StepTimes {
  readonly tokenSeconds: number
  readonly withoutCacheSeconds: number
  readonly withoutExpertsSeconds: number
}

/** Repeated timings of one sequence at two context lengths. Claims: inference.two-regimes, inference.decode-exposed. */
export interface DecodeRoundsEvent {
  readonly type: 'inference/decode-rounds'
  /** Two, the shorter first. */
  readonly contextLengths: readonly number[]
  /** Round by round, a step at each of the lengths. */
  readonly rounds: readonly (readonly StepTimes[])[]
  /** Time of reading a prompt of the longer length, some rounds apart. */
  readonly promptSeconds: readonly number[]
}

/** The same texts with drafts and without. Claim: foundations.denser-supervision. */
export interface SpeculationEvent {
  readonly type: 'inference/speculation'
  readonly drafted: number
  readonly accepted: number
  /** Steps of the trunk with drafts. */
  readonly steps: number
  readonly tokensPerSecondOff: number
  readonly tokensPerSecondOn: number
  readonly isSameText: boolean
}

/** One text that was gone on with, both ways. */
export interface DraftedText {
  readonly domain: string
  /** Of the continuation, and those of them that end a run of tokens which stood in the text before. */
  readonly tokens: number
  readonly repeatedTokens: number
  readonly drafted: number
  readonly accepted: number
  /** Time of decoding the continuation, median of the rounds. */
  readonly offSeconds: number
  readonly onSeconds: number
}

/** Those texts one by one. Claim: foundations.denser-supervision. */
export interface DraftRoundsEvent {
  readonly type: 'inference/draft-rounds'
  /** Tokens of a run. */
  readonly runTokens: number
  readonly rounds: number
  readonly texts: readonly DraftedText[]
}

/** Rollouts, so many rows at a time. */
export interface RolloutSpeedEvent {
  readonly type: 'inference/rollout'
  readonly rows: number
  readonly tokensPerSecond: number
}

/** Load of every expert by real text of one domain. Claims: inference.hot-experts, evaluation.appendix-signal. */
export interface ExpertLoadEvent {
  readonly type: 'inference/expert-load'
  readonly domain: string
  /** Rows of each expert, router by router; they sum to tokens times active experts. */
  readonly loadByRouter: readonly (readonly number[])[]
}

export type InferenceEvent = RegimeEvent | DecodeRoundsEvent | SpeculationEvent | DraftRoundsEvent | RolloutSpeedEvent | ExpertLoadEvent
