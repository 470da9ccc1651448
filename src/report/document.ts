/**
 * The report: one HTML file that holds everything it needs, made of a run's facts and of nothing else. No script, no network,
 * no clock: the same facts give the same bytes.
 */
import { chainOfConstraints } from './chain.ts'
import { figuresIn, frameChapter, writeChapter } from './chapter-frame.ts'
import { chapters as allChapters } from './chapters/index.ts'
import { chapterOfClaim, claimChapters } from './claims/catalogue.ts'
import { claims as allClaims } from './claims/index.ts'
import { abstract, contents, howToRead, titlePage } from './front-matter.ts'
import { escapeText, html, isEmpty } from './html.ts'
import { judgeAll } from './judge.ts'
import { limits } from './limits.ts'
import { namedForRun } from './named-for-run.ts'
import { numberBlocks } from './numbering.ts'
import { howToReproduce } from './reproduce.ts'
import type { RunFacts } from './run-facts.ts'
import { styleSheet } from './style.ts'
import { setText } from './typography.ts'
import type { Chapter, Claim } from './types.ts'

/** What a report is made of beside the run. */
export interface ReportParts {
  readonly chapters: readonly Chapter[]
  readonly claims: readonly Claim[]
}

/**
 * Writes the report of a run.
 *
 * @param parts the house's own unless given
 * @returns an HTML document
 */
export function renderReport(run: RunFacts, parts: ReportParts = { chapters: allChapters, claims: allClaims }): string {
  const judged = judgeAll(parts.claims, run)
  const written = claimChapters.map((name) => {
    const chapter = parts.chapters.find((candidate) => candidate.name === name)
    return chapter ? writeChapter(chapter, run) : { name, before: html``, after: html`` }
  })
  const shown = new Set(written.flatMap(({ before, after }) => [...figuresIn(before), ...figuresIn(after)]))
  const body = html`${titlePage(run)}${abstract(run, judged)}${contents()}${howToRead(run)}${written.map((chapter) =>
    frameChapter(
      chapter,
      judged.filter(({ claim }) => chapterOfClaim(claim.id) === chapter.name),
      run,
      shown,
    ),
  )}${chainOfConstraints(run, judged)}${limits(run)}${howToReproduce(run)}`
  const { body: numbered, notes } = numberBlocks(body)
  const notesSection = isEmpty(notes) ? '' : `<section id="notes">\n<h2>Notes</h2>\n${notes.markup}</section>\n`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Strata ${escapeText(run.document.versions.strata)}">
<title>${escapeText(`${run.document.recipe.name}: report of the run ${run.name}`)}</title>
<style>${styleSheet}</style>
</head>
<body>
<main>
${setText(namedForRun(numbered, { name: escapeText(run.name) }))}${notesSection}</main>
</body>
</html>
`
}
