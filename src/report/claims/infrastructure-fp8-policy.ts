/** FP8 as a policy of storage, compute, scaling and accumulation: each taken apart from the others, in error and in loss. */
import { precisionMetrics, roundings } from '../../pretraining/index.ts'
import { errorsText, lossError, lossErrorText, precisionError, publishedLossError } from '../findings/precision.ts'
import type { Claim } from '../types.ts'
import { listed } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested, sideOf } from './verdicts.ts'

/** The four parts, the difference that shows each, and the side of zero on which it lies where the part matters. */
const partsOfPolicy = [
  { part: 'scaling', metric: precisionMetrics.products, variant: roundings.tensor, side: 'above' },
  { part: 'accumulation', metric: precisionMetrics.sums, variant: roundings.neverPromoted, side: 'above' },
  { part: 'storage', metric: precisionMetrics.gradients, variant: roundings.computeOnly, side: 'below' },
  { part: 'compute', metric: precisionMetrics.gradients, variant: roundings.storageOnly, side: 'below' },
] as const

export const fp8Policy: Claim = {
  id: 'infrastructure.fp8-policy',
  statement: claimStatements['infrastructure.fp8-policy'],
  mechanism: 'src/infrastructure/precision/fp8-policy.ts',
  needs: needs('ablation/precision', 'ablation/result'),
  command: 'strata ablate fp8-products fp8-parts --seeds 3 --run runs/first',
  rule: 'It holds where each of the four is felt by itself, with 95 % intervals that exclude zero: one scale a tensor raises the error of products beside scales by tile and block, never promoting raises that of sums, and rounding only what is stored, or only what is computed with, lowers that of the gradient beside the whole policy; and where the loss of the whole policy lies, with its interval, within 0.25 % of that in f32. It does not hold where one of the four is established the other way round or the loss’s interval lies outside of 0.25 %.',
  judge(run) {
    const policy = lossError(run, 'fp8-parts', 'fp8', 'f32')
    const found = partsOfPolicy.flatMap((one) => {
      const event = precisionError(run, one.metric, one.variant)
      return event ? [{ ...one, event, found: sideOf(event.low, event.high) }] : []
    })
    if (!policy || found.length < partsOfPolicy.length)
      return notTested('Products in FP8 and trainings in FP8 were not both measured beside this run.')
    const errors = found.map(
      ({ part, variant, metric, event }) => `${part} (${variant} against ${event.control}, ${metric}): ${errorsText(event)}`,
    )
    const losses = ['fp8-per-tensor', 'fp8-storage', 'fp8-compute'].flatMap((variant) => {
      const error = lossError(run, 'fp8-parts', variant, 'f32')
      return error ? [`${variant} ${lossErrorText(error)}`] : []
    })
    const rest = losses.length > 0 ? `, ${listed(losses)}` : ''
    const undecided = found.filter((one) => one.found === 'across').map(({ part }) => part)
    const open = undecided.length > 0 ? ` The interval of ${listed(undecided)} contains zero.` : ''
    const sentence = `Mean relative errors: ${errors.join('; ')}.${open} Loss against f32: whole policy ${lossErrorText(policy)}${rest}.`
    const isOpposite = found.some(({ side, found: at }) => at !== 'across' && at !== side)
    const isOutside = policy.low > publishedLossError || policy.high < -publishedLossError
    if (isOpposite || isOutside) return didNotHold(sentence)
    const isClose = policy.low >= -publishedLossError && policy.high <= publishedLossError
    return isClose && undecided.length === 0 ? held(sentence) : notEstablished(sentence)
  },
}
