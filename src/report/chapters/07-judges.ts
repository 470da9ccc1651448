/** What judges of pairs of replies came to in this run, beside the rule that they stand in for. */
import { cite, figureReference, published } from '../blocks.ts'
import { judgesOf } from '../findings/rewards.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { intervalText } from '../share-wording.ts'
import { counted, percent } from '../wording.ts'

/** A paragraph; one sentence where nobody judged. */
export function judged(run: RunFacts): Html {
  const event = run.lastOf('evaluation/judges')
  if (!event)
    return html`<p>
      No model judged replies in this run, so how far such judgement can be trusted was not tested:
      <code>strata reward runs/first</code> does it.
    </p> `
  const { asked, best } = judgesOf(event)
  const order = asked
    ? html` Asked which of two replies is better, the fine-tuned model kept its preference when they changed places in
      ${intervalText(asked.selfAgreement)} of ${counted(asked.pairs, 'pair')}, and took the first one in ${percent(asked.firstShare.value)}
      of its verdicts.`
    : null
  return html`<p>
    Where no rule decides, models judge: the report has answers to open questions compared by another model, and gives
    ${published('85.5 % won on Arena-Hard')}${cite('deepseek-v3', 'section 5.3.3')}. Here every pair has a right and a wrong reply, so
    judges can be judged (${figureReference('judges')}).${order} The best of ${counted(event.judges.length, 'judge')}, “${best.judge}”,
    agreed with the verifier in ${intervalText(best.agreement)} of its verdicts, where guessing agrees in half.
  </p> `
}
