/** A chapter as it stands in the report: its parts under their headings, then its claims, sorted by how they came out. */
import type { ClaimChapter } from './claims/catalogue.ts'
import { figure, figureReference, markOf, withCode } from './blocks.ts'
import { html, type Html, isEmpty } from './html.ts'
import { type JudgedClaim, outcomes } from './judge.ts'
import type { RunFacts } from './run-facts.ts'
import type { Chapter, Outcome } from './types.ts'

/** Number, title and contents of every chapter. */
export const chapterTitles: Readonly<Record<ClaimChapter, { readonly number: string; readonly title: string; readonly about: string }>> = {
  sequence: { number: '00', title: 'The sequence', about: 'why the order of the layers is part of the argument' },
  foundations: { number: '01', title: 'Foundations', about: 'the loop, the loss, and what low precision asks for' },
  architecture: { number: '02', title: 'Architecture', about: 'rotation, the latent cache, sparse experts and their balance' },
  infrastructure: { number: '03', title: 'Infrastructure', about: 'cluster, schedules, precision, memory' },
  pretraining: { number: '04', title: 'Pre-training', about: 'the mixture, the settings, the window, ablations' },
  inference: { number: '05', title: 'Inference', about: 'prefill and decoding, what stays resident, hot experts' },
  posttraining: { number: '06', title: 'Post-training', about: 'imitation first, then rewards that can be checked' },
  evaluation: { number: '07', title: 'Evaluation and limits', about: 'scores, and what they do not show' },
}

const outcomeTitles: Readonly<Record<Outcome, string>> = {
  held: 'Held in this run',
  'did not hold': 'Did not hold in this run',
  'not established': 'Not established',
  'not tested': 'Not tested in this run',
}

/** A chapter's prose, to be followed by its claims. */
export interface WrittenChapter {
  readonly name: ClaimChapter
  readonly before: Html
  readonly after: Html
}

/** Writes the prose of a chapter; a part without text has no heading. */
export function writeChapter(chapter: Chapter, run: RunFacts): WrittenChapter {
  const part = (title: string, write: (run: RunFacts) => Html) => {
    const text = write(run)
    return isEmpty(text)
      ? null
      : html`<h3>${title}</h3>
          ${text} `
  }
  return {
    name: chapter.name,
    before: html`${part('What it decides', chapter.decides)}${part('What it inherits', chapter.inherited)}${part('The mechanism', chapter.mechanism)}${part('What this run measured', chapter.measured)}`,
    after: html`${part('What it hands on', chapter.handsOn)}`,
  }
}

/**
 * A chapter with its claims.
 *
 * @param shown ids of figures that stand somewhere in the report already; those of claims are added
 */
export function frameChapter(
  { name, before, after }: WrittenChapter,
  judged: readonly JudgedClaim[],
  run: RunFacts,
  shown: Set<string>,
): Html {
  const { number, title } = chapterTitles[name]
  return html`<section id="chapter-${name}">
    <h2><span class="number">${number}</span> ${title}</h2>
    ${before}
    <h3>What held, and what did not</h3>
    ${claimLists(judged, run, shown)}${after}
  </section> `
}

/** Ids of the figures in a text. */
export function figuresIn(text: Html): string[] {
  const [begin, end] = markOf('figure', '|').markup.split('|')
  return text.markup
    .split(begin)
    .slice(1)
    .map((rest) => rest.slice(0, rest.indexOf(end)))
}

function claimLists(judged: readonly JudgedClaim[], run: RunFacts, shown: Set<string>): Html {
  return html`${outcomes.map((outcome) => {
    const members = judged.filter(({ verdict }) => verdict.outcome === outcome)
    if (members.length === 0) return null
    return html`<h4>${outcomeTitles[outcome]}</h4>
      <ul class="claims">
        ${members.map((member) => claimItem(member, run, shown))}
      </ul> `
  })}`
}

function claimItem({ claim, verdict }: JudgedClaim, run: RunFacts, shown: Set<string>): Html {
  const isTested = verdict.outcome !== 'not tested'
  const block = isTested ? (claim.figure?.(run) ?? null) : null
  const isNew = block !== null && !shown.has(block.id)
  if (isNew) shown.add(block.id)
  const evidence = block === null ? null : isNew ? html`See ${figureReference(block.id)} below.` : html`See ${figureReference(block.id)}.`
  const how = isTested
    ? html`${claim.rule} Mechanism: <code>${claim.mechanism}</code>.`
    : html`To test it: <code>${claim.command}</code>. Mechanism: <code>${claim.mechanism}</code>.`
  return html`<li id="claim-${claim.id}">
    <p class="statement">${claim.statement}.</p>
    <p>${withCode(verdict.sentence)} ${evidence}</p>
    <p class="small">${how}</p>
    ${isNew ? figure(block) : null}
  </li> `
}
