/** What the training loop has to say: one event a step, and whatever does not happen every step. */

/** A part of a run that trains: pre-training, a window of context extension, fine-tuning, reinforcement, or a control of one. */
export type Stage = 'pretrain' | 'extend-1' | 'extend-2' | 'extend-jump' | 'sft' | 'rl' | 'rl-shuffled'

/** Overload of a router's busiest expert, (max - mean) / mean, over the routers of the model. */
export interface Overload {
  readonly mean: number
  readonly max: number
}

/** A step that was taken. Losses are nats a token, averaged over the batch. */
export interface StepEvent {
  readonly type: 'training/step'
  readonly stage: Stage
  /** Steps done, this one included. */
  readonly step: number
  /** Tokens consumed, this step's included. */
  readonly tokens: number
  readonly batchTokens: number
  readonly lossNats: number
  /** One for each MTP depth; empty while the modules are left out. */
  readonly mtpNats: readonly number[]
  /** Mean over the routers of the sequence-wise balance value: 1 when even. */
  readonly balance: number | null
  readonly learningRate: number
  /** Before clipping. */
  readonly gradientNorm: number
  readonly biasSpeed: number
  readonly mtpWeight: number
  /** Of this batch. */
  readonly maxViolation: Overload
  readonly stepSeconds: number
  readonly tokensPerSecond: number
  /** FLOPs that the model asks for: 6 x activated weights and causal attention, MTP included. */
  readonly modelFlops: number
  /** Model FLOPs a second over the probed ceiling of all threads; null without a probe. */
  readonly peakShare: number | null
  /** High-water mark of the heap so far. */
  readonly heapBytes: number
}

/** A step that was not taken, because its loss or the norm of its gradient was not finite. */
export interface SkippedStepEvent {
  readonly type: 'training/skipped'
  readonly stage: Stage
  readonly step: number
  readonly tokens: number
  readonly lossNats: number
  readonly gradientNorm: number
  /** Skipped in a row, this one included. */
  readonly inARow: number
  /** Where the data stood before the batch: restoring it gives the batch again. */
  readonly batch: { readonly data: unknown; readonly rows: readonly { readonly domain: string; readonly text: string }[] }
}

/** Load of every expert in one step's batch, router by router; reported some twenty times in a run. */
export interface LoadEvent {
  readonly type: 'training/load'
  readonly stage: Stage
  readonly step: number
  /** Rows of each expert; they sum to tokens times active experts. */
  readonly loadByRouter: readonly (readonly number[])[]
}

export interface CheckpointEvent {
  readonly type: 'training/checkpoint'
  readonly stage: Stage
  readonly step: number
  readonly tokens: number
  readonly folder: string
  readonly seconds: number
}

/** Training begins, or goes on from a checkpoint: events of steps after `step` that stand before this one no longer count. */
export interface StartEvent {
  readonly type: 'training/start'
  readonly stage: Stage
  readonly step: number
  readonly tokens: number
  /** Steps that the run will have taken when it ends. */
  readonly stepCount: number
}

export interface EndEvent {
  readonly type: 'training/end'
  readonly stage: Stage
  readonly reason: 'complete' | 'interrupted'
  readonly step: number
  readonly tokens: number
  /** Of this process. */
  readonly seconds: number
}

/** A batch in which no token counts as a target: nothing to learn from, so no step. */
export interface UnsupervisedEvent {
  readonly type: 'training/unsupervised'
  readonly stage: Stage
  readonly tokens: number
}

export type TrainingEvent = StartEvent | StepEvent | SkippedStepEvent | UnsupervisedEvent | LoadEvent | CheckpointEvent | EndEvent

/** Everything beside weights and moments that an exact resume needs. */
export interface TrainingState {
  /** Steps done, skipped ones included. */
  readonly step: number
  readonly tokens: number
  readonly skippedInARow: number
  /** Where the rows' source stands. */
  readonly data: unknown
}

/**
 * The steps of a stage in order, each once: what was done again after a resume replaces what was lost.
 *
 * @param events of one run folder, resumed runs included
 */
export function stepTrace(events: readonly { readonly type: string }[], stage: Stage = 'pretrain'): StepEvent[] {
  const trace: StepEvent[] = []
  for (const event of events as readonly TrainingEvent[]) {
    if (event.type === 'training/start' && event.stage === stage) {
      while (trace.length > 0 && trace.at(-1)!.step > event.step) trace.pop()
    } else if (event.type === 'training/step' && event.stage === stage) trace.push(event)
  }
  return trace
}
