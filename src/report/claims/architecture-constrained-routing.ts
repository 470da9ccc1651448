/** Sparse experts against a dense model of the same cost, and what a limit on groups costs against what it saves. */
import type { Claim } from '../types.ts'
import { digits, listed, percent } from '../wording.ts'
import { ablationsOf, differenceText, lossResults } from './ablation-facts.ts'
import { claimStatements } from './catalogue.ts'
import { trafficOf } from './sequence-routing-to-traffic.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

export const constrainedRouting: Claim = {
  id: 'architecture.constrained-routing',
  statement: claimStatements['architecture.constrained-routing'],
  mechanism: 'src/architecture/moe.ts',
  needs: needs('ablation/result', 'inference/routing'),
  command: 'strata ablate dense group-limit --run runs/first',
  rule: 'It holds where the sparse model’s loss is established to be lower than that of a dense one of equal active FLOPs, and no group limit that was tried is established to raise the loss by more than half of what sparsity gained.',
  judge(run) {
    const [dense] = ablationsOf(run, 'dense')
    const limits = lossResults(ablationsOf(run, 'group-limit'))
    if (!dense) return notTested('No dense model of equal cost was trained beside this run.')
    if (limits.length === 0) return notTested('No models with other group limits were trained beside this run.')
    const isSparseVariant = dense.details.variant.parameters > dense.details.control.parameters
    const gain = isSparseVariant ? -dense.difference : dense.difference
    const isGain = isSparseVariant ? dense.high < 0 : dense.low > 0
    const { limits: traffic } = trafficOf(run)
    const saved =
      traffic.length > 1
        ? ` The tightest limit sends ${percent(1 - traffic[0].copiesPerToken / traffic.at(-1)!.copiesPerToken)} fewer copies than the loosest.`
        : ''
    const prices = listed(limits.map((limit) => `${limit.variant}: ${differenceText(limit)}`))
    const sentence = `The loss of “${dense.variant}” less that of “${dense.control}” is ${differenceText(dense, true)}; against the chosen group limit, ${prices}.${saved}`
    const isSane = limits.every(({ low }) => low <= gain / 2)
    return isGain && isSane ? held(sentence) : didNotHold(`${sentence} Sparsity gained ${digits(gain)} nats.`)
  },
}
