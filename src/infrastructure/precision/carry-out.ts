/** Carries an FP8 policy out on a model's parameters: the precision of its linear products, and of what training keeps. */
import { usageError } from '../../base/errors.ts'
import { type LinearOperand, type LinearPrecision, roundInPlace, type Scaling, Tensor } from '../../compute/index.ts'
import type { AdamW, ParameterSet, StatePrecision } from '../../foundations/index.ts'
import type { Fp8Policy, ScaleUnit, SensitiveState } from './fp8-policy.ts'

const unitSize = 128
const wholeTensor: Scaling = { rows: Infinity, columns: Infinity }

/** Scales of a unit in memory. @param isOverRows whether the product sums over rows, as that of a weight's gradient: tiles follow */
export function scalingOfUnit(unit: ScaleUnit, isOverRows: boolean): Scaling {
  if (unit === 'tensor') return wholeTensor
  if (unit === 'block') return { rows: unitSize, columns: unitSize }
  return isOverRows ? { rows: unitSize, columns: 1 } : { rows: 1, columns: unitSize }
}

function unitOf(policy: Fp8Policy, { product, operand }: LinearOperand): ScaleUnit | null {
  if (operand === 'weight') return policy.weight
  if (operand === 'activation') return product === 'weights' ? policy.keptActivation : policy.activation
  return product === 'weights' ? policy.keptGradient : policy.gradient
}

/** Endings of the names, in checkpoints, of parameters whose products only some policies round. */
const sensitiveNames = { router: '.mlp.gate.weight', head: 'lm_head.weight' } as const satisfies Partial<Record<SensitiveState, string>>

/**
 * The precision of a model's linear products.
 *
 * @param set the model's parameters; router and head are known by their names
 */
export function linearPrecision(policy: Fp8Policy, { named }: ParameterSet): LinearPrecision {
  const isProtected = (name: string) =>
    (Object.keys(sensitiveNames) as (keyof typeof sensitiveNames)[]).some(
      (state) => name.endsWith(sensitiveNames[state]) && !policy.unprotected.includes(state),
    )
  const wide = new Set(named.filter(({ parts }) => parts.some(({ name }) => isProtected(name))).map(({ tensor }) => tensor.address))
  return {
    scalingOf: (place) => {
      const unit = wide.has(place.weight.base.address) ? null : unitOf(policy, place)
      return unit && scalingOfUnit(unit, place.product === 'weights')
    },
  }
}

/** What training keeps from step to step under a policy; undefined where all of it stays f32. @param set of the model */
export function statePrecision({ unprotected }: Fp8Policy, set: ParameterSet): StatePrecision | undefined {
  const isSumLow = unprotected.includes('sums')
  const isMomentLow = unprotected.includes('moments')
  if (!isSumLow && !isMomentLow) return undefined
  const roundAll = ({ machine, address }: Tensor) => {
    for (const { tensor } of set.named)
      roundInPlace(new Tensor(machine, address + tensor.address - set.weights.address, tensor.shape), wholeTensor)
  }
  return {
    roundGradients: () => isSumLow && roundAll(set.gradients!),
    roundMoments: ({ mean, square }: AdamW) => {
      if (!isMomentLow) return
      for (const moment of [mean, square]) {
        if (moment.dtype !== 'f32')
          throw usageError('moments', 'f32, to be rounded to E4M3', moment.dtype, 'Leave training.optimizer.moments away.')
        roundAll(moment)
      }
    },
  }
}
