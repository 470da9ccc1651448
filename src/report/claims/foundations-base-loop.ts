/** Forward, loss, backward, step: the loop as it ran, and whether it learned. */
import { bucketed, lineChart, type LineSeries } from '../figures/index.ts'
import { html } from '../html.ts'
import { formatCount, formatFlops } from '../../base/format.ts'
import { mean, meanInterval } from '../../base/statistics.ts'
import type { StepEvent } from '../../pretraining/index.ts'
import type { Claim } from '../types.ts'
import { changed, digits, nats, percent } from '../wording.ts'
import { endCount, endsOf } from '../findings/trace-ends.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

/** Steps that may be skipped, as a share. */
const mostSkipped = 0.01

/** Loss of the first and of the last tenth of the steps, with 95 % intervals; null for a run of fewer than twenty steps. */
export function lossEnds(steps: readonly StepEvent[]) {
  const count = endCount(steps.length)
  if (count < 2) return null
  const losses = steps.map(({ lossNats }) => lossNats)
  return { first: meanInterval(losses.slice(0, count)), last: meanInterval(losses.slice(-count)) }
}

/** FLOP/s of all steps together. */
export const reachedFlops = (steps: readonly StepEvent[]): number =>
  mean(steps.map(({ modelFlops }) => modelFlops)) / mean(steps.map(({ stepSeconds }) => stepSeconds))

export const baseLoop: Claim = {
  id: 'foundations.base-loop',
  statement: claimStatements['foundations.base-loop'],
  mechanism: 'src/pretraining/training-step.ts',
  needs: needs('training/step'),
  command: 'strata run nano',
  rule: `It holds where the loss of the last tenth of the steps lies below that of the first, the 95 % intervals apart, and at most ${100 * mostSkipped} % of the steps were skipped.`,
  judge(run) {
    const steps = run.steps('pretrain')
    const ends = lossEnds(steps)
    if (!ends) return notTested(`Pre-training took ${steps.length} steps, which are too few to compare its ends.`)
    const skipped = run.ofType('training/skipped').filter(({ stage }) => stage === 'pretrain').length
    const { first, last } = ends
    const skippedShare = skipped / (steps.length + skipped)
    const sentence = `Over ${steps.length} steps of the loop the loss of a batch went from a mean of ${digits(first.value)} (${digits(first.low)} to ${digits(first.high)}, first ${first.count} steps) to ${nats(last.value)} (${digits(last.low)} to ${digits(last.high)}, last ${last.count}); ${skipped === 0 ? 'no step was skipped' : `${percent(skippedShare)} of the steps were skipped`}; the steps together reached ${formatFlops(reachedFlops(steps))}.`
    return last.high < first.low && skippedShare <= mostSkipped ? held(sentence) : didNotHold(sentence)
  },
  figure(run) {
    const steps = run.steps('pretrain')
    if (steps.length < 4) return null
    const main = bucketed(steps.map(({ tokens, lossNats }) => [tokens, lossNats]))
    const further = steps.flatMap(({ tokens, mtpNats }) => (mtpNats.length > 0 ? [[tokens, mtpNats[0]] as const] : []))
    const ahead = bucketed(further)
    const uniform = Math.log(run.document.recipe.model.vocabSize)
    const series: LineSeries[] = [
      { name: 'next token', ...main },
      ...(ahead.points.length > 1 ? [{ name: 'one further', points: ahead.points, isBroad: true }] : []),
    ]
    const { first, last } = endsOf(steps.map(({ lossNats }) => lossNats))
    const ends = further.length > 1 ? endsOf(further.map(([, lossNats]) => lossNats)) : null
    return {
      id: 'pretraining-loss',
      drawing: lineChart({
        title: 'Loss over pre-training',
        description: `Between the first and the last tenth of the steps the loss of the next token ${changed(first, last)} nats, over ${formatCount(steps.at(-1)!.tokens)} tokens.`,
        x: { label: 'tokens', from: 0, to: steps.at(-1)!.tokens },
        y: { label: 'loss, nats a token' },
        series,
        references: [{ name: 'every token alike', y: uniform }],
      }),
      caption: html`Between the first and the last tenth of ${steps.length} steps the loss of the next token ${changed(first, last)}
      nats${ends ? html`, that of the token after it ${changed(ends.first, ends.last)}` : null}. Lines are means over
      ${main.size === 1 ? 'single batches' : html`${main.size} batches each`}; the band holds the loss of the next token in every single one
      of them. A model that holds every token for equally likely has ${digits(uniform)} nats.`,
    }
  },
}
