/** Balance by selection biases: what it does to the busiest expert and to the loss, against training without any. */
import { endsOf } from '../findings/trace-ends.ts'
import { bucketed, lineChart } from '../figures/index.ts'
import { html } from '../html.ts'
import { ablationMetrics } from '../../pretraining/index.ts'
import type { Claim } from '../types.ts'
import { changed, percent } from '../wording.ts'
import { ablationsOf, differenceText, lossResults } from './ablation-facts.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

export const balanceInDesign: Claim = {
  id: 'architecture.balance-in-design',
  statement: claimStatements['architecture.balance-in-design'],
  mechanism: 'src/architecture/moe.ts',
  needs: needs('ablation/result', 'training/step'),
  command: 'strata ablate balance --seeds 3 --run runs/first',
  rule: 'It holds where training without any balancing is established to overload its busiest expert more than training with biases does, and the biases are not established to raise the loss.',
  judge(run) {
    const results = ablationsOf(run, 'balance')
    const ofNone = results.filter(({ variant, control }) => `${variant} ${control}`.includes('none'))
    const [loss] = lossResults(ofNone)
    const overload = ofNone.find(({ metric }) => metric === ablationMetrics.overload.metric)
    if (!loss || !overload) return notTested('No model without balancing was trained beside this run.')
    const isNoneVariant = loss.variant.includes('none')
    const [biased, unbiased] = isNoneVariant ? [loss.details.control, loss.details.variant] : [loss.details.variant, loss.details.control]
    const steps = run.steps('pretrain')
    const ends = steps.length > 1 ? endsOf(steps.map(({ maxViolation }) => maxViolation.mean)) : null
    const own = ends ? ` In pre-training MaxVio ${changed(ends.first, ends.last)} between the first and the last tenth of the steps.` : ''
    const sentence = `In held-out batches the busiest expert of a router has ${percent(biased.maxViolation ?? 0)} more than the mean load with biases and ${percent(unbiased.maxViolation ?? 0)} more without any balancing; the overload of “${overload.variant}” less that of “${overload.control}” is ${differenceText(overload)}, the loss ${differenceText(loss, true)}.${own}`
    const side = (low: number, high: number) => (isNoneVariant ? [low, high] : [-high, -low])
    const [overloadLow, overloadHigh] = side(overload.low, overload.high)
    const [, lossHigh] = side(loss.low, loss.high)
    if (overloadHigh < 0 || lossHigh < 0) return didNotHold(sentence)
    return overloadLow > 0 ? held(sentence) : notEstablished(sentence)
  },
  figure(run) {
    const steps = run.steps('pretrain')
    if (steps.length < 4) return null
    const mean = bucketed(steps.map(({ tokens, maxViolation }) => [tokens, maxViolation.mean]))
    const worst = bucketed(steps.map(({ tokens, maxViolation }) => [tokens, maxViolation.max]))
    const { first, last } = endsOf(steps.map(({ maxViolation }) => maxViolation.mean))
    return {
      id: 'overload',
      drawing: lineChart({
        title: 'Overload of the busiest expert over pre-training',
        description: `MaxVio of a batch, mean over the routers, ${changed(first, last)} between the first and the last tenth of the steps.`,
        x: { label: 'tokens', from: 0, to: steps.at(-1)!.tokens },
        y: { label: 'MaxVio of a batch', from: 0 },
        series: [
          { name: 'mean of routers', ...mean },
          { name: 'worst router', points: worst.points, isDashed: true },
        ],
        references: [{ name: 'V3’s rule, 1B model, over all batches: 0.04', y: 0.04, tone: 'published' }],
      }),
      caption: html`In a batch of the last tenth of the steps, the busiest expert of a router got ${percent(last)} more tokens than the mean
      expert, in the first tenth ${percent(first)} more (means over the
      ${run.document.recipe.model.mtpDepth > 0 ? 'routers, that of the MTP module among them' : 'routers'}). Zero is an even load. Lines are
      means over ${mean.size === 1 ? 'single batches' : html`${mean.size} batches each`}; the band holds the mean of the routers in every
      single one of them. A batch of ${steps.at(-1)!.batchTokens} tokens is small, so part of this is chance, which the published figure,
      taken over all batches, does not have.`,
    }
  },
}
