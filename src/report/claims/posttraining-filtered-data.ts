/** Generated data: a model fine-tuned on its own samples, raw, filtered by a verifier, and re-weighted, at equal size. */
import { dotPlot } from '../figures/index.ts'
import { generatedArm } from '../findings/rewards.ts'
import { html } from '../html.ts'
import { intervalText, pointsOf } from '../share-wording.ts'
import type { Claim } from '../types.ts'
import { counted, percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

export const filteredData: Claim = {
  id: 'posttraining.filtered-data',
  statement: claimStatements['posttraining.filtered-data'],
  mechanism: 'src/posttraining/generated/compare-generated.ts',
  needs: needs('posttraining/generated-data'),
  command: 'strata ablate filtered-data --run runs/first',
  rule: 'It holds where, at equal size, steps and start, fine-tuning on filtered samples raises held-out accuracy above that of raw samples by the whole 95 % interval of the paired difference, and raw samples do not raise it above the start by theirs. It does not hold where raw samples do, or filtered ones fall below raw ones by the whole interval.',
  judge(run) {
    const event = run.lastOf('posttraining/generated-data')
    const [start, raw, filtered, reweighted] = (['start', 'raw', 'filtered', 're-weighted'] as const).map((arm) => generatedArm(event, arm))
    if (!event || !start || !raw?.overStart || !filtered?.overRaw)
      return notTested('No model was fine-tuned on samples of its own beside this run.')
    const again = reweighted?.overRaw
      ? ` Re-weighted towards problems that are rarely solved, they gave ${pointsOf(reweighted.overRaw)} over raw.`
      : ''
    const sentence =
      `On ${counted(event.heldOutProblems, 'held-out problem')}, with a chance level of ${percent(event.chance)}, the fine-tuned model answers ${intervalText(start.accuracy)} rightly; ` +
      `after ${counted(event.steps, 'step')} on ${counted(event.size, 'sample')} of its own, ${percent(raw.rightShare ?? 0)} of them right, ${intervalText(raw.accuracy)}, ${pointsOf(raw.overStart)} over the start; ` +
      `on as many that the verifier let through ${intervalText(filtered.accuracy)}, ${pointsOf(filtered.overRaw)} over raw.${again}`
    if (raw.overStart.low > 0 || filtered.overRaw.high < 0) return didNotHold(sentence)
    return filtered.overRaw.low > 0 ? held(sentence) : notEstablished(sentence)
  },
  figure(run) {
    const event = run.lastOf('posttraining/generated-data')
    if (!event) return null
    const filtered = generatedArm(event, 'filtered')
    const finding = filtered?.overRaw
      ? `Filtered samples gave ${pointsOf(filtered.overRaw)} over raw ones.`
      : 'Accuracy after fine-tuning on samples of the model’s own.'
    return {
      id: 'generated-data',
      drawing: dotPlot({
        title: 'Accuracy after fine-tuning on the model’s own samples',
        description: finding,
        x: { label: 'share of right answers to held-out problems', from: 0, to: 1, format: percent },
        rows: event.arms.map(({ arm, accuracy }) => ({
          name: arm,
          value: accuracy.value,
          low: accuracy.low,
          high: accuracy.high,
          chance: event.chance,
          tone: arm === 'start' ? ('soft' as const) : ('one' as const),
        })),
      }),
      caption: html`${finding} Sets of ${event.size} samples, ${event.steps} steps each from the same fine-tuned model; bars are 95 %
      intervals (Wilson) over ${event.heldOutProblems} problems, upright strokes the chance level.`,
    }
  },
}
