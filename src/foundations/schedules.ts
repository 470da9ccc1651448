/**
 * What changes in the course of a training run, as functions of how far it is: learning rate, batch, the router's bias
 * speed, the weight of multi-token prediction.
 *
 * Everything but the warm-up is keyed by consumed tokens, as shares of the run, so one schedule serves 14.8T tokens and one
 * million. Source: DeepSeek-V3 report, section 4.2. The shape of its batch ramp is not published; it is linear in tokens here.
 */

/** A schedule as the report has it. Shares are of the run's tokens, 0..1. */
export interface TrainingSchedule {
  /** Highest learning rate. */
  readonly learningRate: number
  /** Steps of linear warm-up from 0. */
  readonly warmupSteps: number
  /** Where the cosine begins, and where it has come down. */
  readonly decayStartShare: number
  readonly decayEndShare: number
  /** Rate after the cosine, as a factor on the highest. */
  readonly decayedFactor: number
  /** Where the last, lowest rate begins, and that rate as a factor on the highest. */
  readonly lastStartShare: number
  readonly lastFactor: number
  /** First batch as a share of the full one, and where the full one is reached. */
  readonly firstBatchShare: number
  readonly rampEndShare: number
  /** gamma: how far a router's selection bias moves in a step; 0 from `biasEndShare` on. */
  readonly biasSpeed: number
  readonly biasEndShare: number
  /** lambda, before and from `mtpDropShare` on. */
  readonly mtpWeight: number
  readonly lateMtpWeight: number
  readonly mtpDropShare: number
}

/** The published run: 14.8T tokens, batches of 15,360 rows of 4,096 tokens. */
export const reportRun = { tokens: 14.8e12, rows: 15_360, rowLength: 4096 } as const

/** The published schedule. */
export const reportSchedule: TrainingSchedule = {
  learningRate: 2.2e-4,
  warmupSteps: 2000,
  decayStartShare: 10 / 14.8,
  decayEndShare: 14.3 / 14.8,
  decayedFactor: 0.1,
  lastStartShare: 14.633 / 14.8,
  lastFactor: 7.3e-6 / 2.2e-4,
  firstBatchShare: 3072 / 15_360,
  rampEndShare: 469 / 14_800,
  biasSpeed: 1e-3,
  biasEndShare: 14.3 / 14.8,
  mtpWeight: 0.3,
  lateMtpWeight: 0.1,
  mtpDropShare: 10 / 14.8,
}

/** How far a run is. */
export interface Position {
  /** Steps done. */
  readonly step: number
  /** Tokens consumed, as a share of the run's. */
  readonly tokenShare: number
}

/**
 * Learning rate of the next step.
 *
 *   warm-up:  peak * (step + 1) / warmupSteps
 *   then:     peak | peak * (d + (1 - d) (1 + cos(pi x)) / 2), x = 0..1 along the decay | peak * d | peak * last
 */
export function learningRateAt(schedule: TrainingSchedule, { step, tokenShare }: Position): number {
  const { learningRate, warmupSteps, decayStartShare, decayEndShare, decayedFactor, lastStartShare, lastFactor } = schedule
  const warmth = step < warmupSteps ? (step + 1) / warmupSteps : 1
  let factor = 1
  if (tokenShare >= lastStartShare) factor = lastFactor
  else if (tokenShare >= decayEndShare) factor = decayedFactor
  else if (tokenShare > decayStartShare) {
    const x = (tokenShare - decayStartShare) / (decayEndShare - decayStartShare)
    factor = decayedFactor + ((1 - decayedFactor) * (1 + Math.cos(Math.PI * x))) / 2
  }
  return learningRate * Math.min(warmth, factor)
}

/** Rows of the next batch, a whole number from 1: `firstBatchShare` of `rows` at first, all of them from `rampEndShare` on. */
export function batchRowsAt(schedule: TrainingSchedule, rows: number, tokenShare: number): number {
  const { firstBatchShare, rampEndShare } = schedule
  const share = tokenShare >= rampEndShare ? 1 : firstBatchShare + ((1 - firstBatchShare) * tokenShare) / rampEndShare
  return Math.max(1, Math.round(rows * share))
}

/** gamma of the next step. */
export function biasSpeedAt({ biasSpeed, biasEndShare }: TrainingSchedule, tokenShare: number): number {
  return tokenShare < biasEndShare ? biasSpeed : 0
}

/** lambda of the next step. */
export function mtpWeightAt({ mtpWeight, lateMtpWeight, mtpDropShare }: TrainingSchedule, tokenShare: number): number {
  return tokenShare < mtpDropShare ? mtpWeight : lateMtpWeight
}

/** Size of a run, as far as schedules depend on it. */
export interface RunSize {
  readonly tokens: number
  /** Rows of a full batch. */
  readonly rows: number
  /** Tokens in a row. */
  readonly rowLength: number
}

/** Steps from a position to the end of the run. A run ends with the step that reaches its tokens. */
export function stepsLeft(schedule: TrainingSchedule, { tokens, rows, rowLength }: RunSize, consumedTokens = 0): number {
  let steps = 0
  let consumed = consumedTokens
  for (; consumed < tokens && consumed < schedule.rampEndShare * tokens; steps++) {
    consumed += batchRowsAt(schedule, rows, consumed / tokens) * rowLength
  }
  return steps + Math.max(0, Math.ceil((tokens - consumed) / (rows * rowLength)))
}

/**
 * What is wrong with a schedule, one line each, beginning with the field's name.
 *
 * @param schedule perhaps from outside
 */
export function scheduleViolations(schedule: TrainingSchedule): string[] {
  const violations: string[] = []
  const within = (name: keyof TrainingSchedule, low: number, high: number) => {
    const value = schedule[name]
    if (!(typeof value === 'number' && value >= low && value <= high)) {
      violations.push(`${name}: expected a number from ${low} to ${high}, got ${String(value)}`)
    }
  }
  for (const name of ['decayedFactor', 'lastFactor', 'firstBatchShare', 'biasSpeed', 'mtpWeight', 'lateMtpWeight'] as const)
    within(name, 0, 1)
  for (const name of ['decayStartShare', 'decayEndShare', 'lastStartShare', 'rampEndShare', 'biasEndShare', 'mtpDropShare'] as const)
    within(name, 0, 1)
  within('learningRate', 0, 1)
  within('warmupSteps', 0, Number.MAX_SAFE_INTEGER)
  if (schedule.decayEndShare < schedule.decayStartShare)
    violations.push(`decayEndShare: expected at least decayStartShare = ${schedule.decayStartShare}, got ${schedule.decayEndShare}`)
  if (schedule.lastStartShare < schedule.decayEndShare)
    violations.push(`lastStartShare: expected at least decayEndShare = ${schedule.decayEndShare}, got ${schedule.lastStartShare}`)
  return violations
}
