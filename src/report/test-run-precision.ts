/** For tests: results of the ablations of precision, shaped like those of other ablations of the same invented run. */
import { type AblationResultEvent, precisionMetrics, type PrecisionEvent, roundings } from '../pretraining/index.ts'

type Ends = readonly [difference: number, low: number, high: number]

const differenceOf = ([difference, low, high]: Ends) => {
  const verdict = high < 0 ? ('lower' as const) : low > 0 ? ('higher' as const) : ('not established' as const)
  return { difference, low, high, verdict }
}

/** Trainings in FP8, and errors of products. @param like a result of the invented run, whose sizes these have */
export function testPrecisionEvents(like: AblationResultEvent): (AblationResultEvent | PrecisionEvent)[] {
  const trained = (name: string, claim: string, variant: string, control: string, ends: Ends): AblationResultEvent => ({
    ...like,
    name,
    claims: [claim],
    variant,
    control,
    says: { variant: `trained as ${variant}`, control: `trained as ${control}` },
    seeds: 3,
    n: 3,
    intervalOver: 'seeds',
    ...differenceOf(ends),
    details: {
      variant: { ...like.details.variant, lossNats: 5.2 + ends[0] },
      control: { ...like.details.control, lossNats: 5.2 },
      byDomain: {},
    },
  })
  const error = (
    metric: keyof typeof precisionMetrics,
    variant: keyof typeof roundings,
    control: keyof typeof roundings,
    ends: Ends,
  ): PrecisionEvent => ({
    type: 'ablation/precision',
    name: 'fp8-products',
    claims: ['infrastructure.fp8-policy', 'evaluation.appendix-signal'],
    variant: roundings[variant],
    control: roundings[control],
    metric: precisionMetrics[metric],
    unit: 'share of its norm',
    ...differenceOf(ends),
    n: 60,
    intervalOver: metric === 'gradients' ? 'tensors' : 'products',
    base: like.base,
    tokens: 40_000,
    batchTokens: 4096,
    details: { variant: 0.03 + ends[0], control: 0.03 },
    wasCached: false,
    seconds: 20,
  })
  const [states, parts, blocks] = ['foundations.protected-states', 'infrastructure.fp8-policy', 'evaluation.appendix-signal']
  return [
    trained('fp8-states', states, 'fp8', 'f32', [0.004, 0.001, 0.007]),
    trained('fp8-states', states, 'fp8-blind', 'f32', [0.31, 0.24, 0.38]),
    trained('fp8-states', states, 'fp8-sums', 'fp8', [0.28, 0.2, 0.36]),
    trained('fp8-parts', parts, 'fp8', 'f32', [0.004, 0.001, 0.007]),
    trained('fp8-parts', parts, 'fp8-storage', 'f32', [0.002, -0.001, 0.005]),
    trained('fp8-blocks', blocks, 'fp8-blocks', 'fp8', [0.001, -0.004, 0.006]),
    error('products', 'tensor', 'tile', [0.006, 0.004, 0.008]),
    error('sums', 'neverPromoted', 'promoted', [0.002, 0.001, 0.003]),
    error('inputs', 'block', 'tile', [0.003, 0.001, 0.005]),
    error('gradients', 'storageOnly', 'policy', [-0.009, -0.011, -0.007]),
    error('gradients', 'computeOnly', 'policy', [-0.004, -0.006, -0.002]),
  ]
}
