/** Evidence of claims placed in a chapter's text: the figure of a claim, or nothing where the run has nothing to draw. */
import { figure, withCode } from '../blocks.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'

/** A claim's figure in the running text. */
export function evidence(claim: Claim, run: RunFacts): Html {
  const block = claim.figure?.(run)
  return block ? figure(block) : html``
}

/** What a run lacks, in a paragraph. @param sentence what was not measured, and by which command (see `inCode`) it would be */
export const missing = (sentence: string): Html => html`<p class="missing">${withCode(sentence)}</p> `
