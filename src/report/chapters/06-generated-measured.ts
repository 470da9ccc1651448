/** What this run's own samples were worth as data for fine-tuning: raw, filtered, re-weighted. */
import { cite, figureReference } from '../blocks.ts'
import { generatedArm } from '../findings/rewards.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { pointsOf } from '../share-wording.ts'
import { counted, percent } from '../wording.ts'

/** A paragraph; one sentence where nothing was generated. */
export function generatedMeasured(run: RunFacts): Html {
  const event = run.lastOf('posttraining/generated-data')
  const [raw, filtered, reweighted] = (['raw', 'filtered', 're-weighted'] as const).map((arm) => generatedArm(event, arm))
  if (!event || !raw?.overStart || !filtered?.overRaw || !reweighted?.overRaw)
    return html`<p>
      No conversation of this run was written by a model; <code>strata ablate filtered-data --run runs/first</code> tries what such data are
      worth.
    </p> `
  return html`<p>
    Of ${counted(event.problems * event.samplesPerProblem, 'sample')} that the fine-tuned model drew to training problems
    ${percent(event.rightCount / (event.problems * event.samplesPerProblem))} were right. Fine-tuned further on ${event.size} of them
    (${figureReference('generated-data')}), it moved by ${pointsOf(raw.overStart)} from where it was; on as many right ones by
    ${pointsOf(filtered.overRaw)} over that, re-weighted by ${pointsOf(reweighted.overRaw)}. So the report’s data were
    drawn${cite('deepseek-v3', 'section 5.1')}.
  </p> `
}
