/**
 * One variable moved, everything else kept: how each layer of the plan narrows the next.
 *
 * The router decides how many nodes a token visits, that decides what the network carries, that decides what an
 * overlapped pair can hide, that decides the step; the latent's rank decides the cache, that decides how many sequences
 * are served at once.
 */
import { checkModelConfig } from '../../architecture/check-config.ts'
import { countParameters } from '../../architecture/counts.ts'
import { latentCacheBytesPerToken } from '../../architecture/counts-per-token.ts'
import { usageError } from '../../base/errors.ts'
import { planServing, type ServingRequest } from './serving.ts'
import { planTraining, type PlanRequest } from './training-plan.ts'

export interface WhatIfRow {
  readonly value: number | string
  readonly activatedParameters: number
  readonly cacheBytesPerToken: number
  /** Per token and MoE layer, dispatch and combine, one pass. */
  readonly networkBytesPerToken: number
  readonly exposedSeconds: number
  readonly stepSeconds: number
  readonly tokensPerDay: number
  readonly memoryBytes: number
  readonly sequencesThatFit: number
  readonly secondsPerToken: number
}

interface Variable {
  readonly title: string
  readonly values: readonly (number | string)[]
  readonly change: (request: PlanRequest, value: number | string) => PlanRequest
}

const ofModel = (field: 'activeGroupCount' | 'keyValueRank' | 'activeExpertCount'): Variable['change'] => {
  return (request, value) => ({ ...request, model: { ...request.model, [field]: Number(value) } })
}

/** What can be moved. */
export const whatIfVariables = {
  'nodes-per-token': { title: 'nodes a token may visit', values: [1, 2, 3, 4, 6, 8], change: ofModel('activeGroupCount') },
  'latent-rank': { title: 'rank of the key-value latent', values: [128, 256, 512, 1024, 2048], change: ofModel('keyValueRank') },
  'active-experts': { title: 'routed experts a token visits', values: [2, 4, 6, 8, 12, 16], change: ofModel('activeExpertCount') },
  precision: {
    title: 'format of the matrix products',
    values: ['fp8', 'bf16'],
    change: (request, value) => ({ ...request, layout: { ...request.layout, precision: value as 'fp8' | 'bf16' } }),
  },
} as const satisfies Readonly<Record<string, Variable>>

export type WhatIfVariable = keyof typeof whatIfVariables

export interface WhatIf {
  readonly variable: WhatIfVariable
  readonly title: string
  readonly rows: readonly WhatIfRow[]
  /** Values that cannot be planned, with the reason. */
  readonly impossible: readonly { readonly value: number | string; readonly reason: string }[]
}

/**
 * @param request  the plan to start from
 * @param serving  how it is served
 * @param variable one of `whatIfVariables`
 */
export function whatIf(request: PlanRequest, serving: Omit<ServingRequest, 'model'>, variable: string): WhatIf {
  if (!Object.hasOwn(whatIfVariables, variable))
    throw usageError('what-if', `one of ${Object.keys(whatIfVariables).join(', ')}`, `"${variable}"`)
  const key = variable as WhatIfVariable
  if (key === 'nodes-per-token' && request.model.groupCount === 1)
    throw usageError('what-if', 'a router with groups of experts', 'one that may choose any expert', 'Nothing limits its nodes a token.')
  const { title, values, change }: Variable = whatIfVariables[key]
  const rows: WhatIfRow[] = []
  const impossible: { value: number | string; reason: string }[] = []
  for (const value of values) {
    try {
      rows.push(rowOf(change(request, value), serving, value))
    } catch (error) {
      if (!(error instanceof Error && error.name === 'UsageError')) throw error
      impossible.push({ value, reason: error.message.split('\n').slice(0, 2).join(' ').trim() })
    }
  }
  return { variable: key, title, rows, impossible }
}

function rowOf(request: PlanRequest, serving: Omit<ServingRequest, 'model'>, value: number | string): WhatIfRow {
  const { model } = request
  checkModelConfig(model)
  const plan = planTraining(request)
  const { decode } = planServing({ ...serving, model })
  return {
    value,
    activatedParameters: countParameters(model).activated,
    cacheBytesPerToken: latentCacheBytesPerToken(model),
    networkBytesPerToken: plan.traffic.dispatch.networkBytesPerToken + plan.traffic.combine.networkBytesPerToken,
    exposedSeconds: plan.step.exposedSeconds,
    stepSeconds: plan.step.seconds,
    tokensPerDay: plan.run.tokensPerDay,
    memoryBytes: plan.memory.total,
    sequencesThatFit: decode.sequencesThatFit,
    secondsPerToken: decode.secondsPerToken,
  }
}
