/**
 * What claims and chapters are made of. A claim is one file that decides from a run's facts whether it held; a chapter is one
 * file of prose; the frame (document.ts) puts both in order, numbers the figures and adds nothing of its own to their content.
 */
import type { ClaimChapter, ClaimId } from './claims/catalogue.ts'
import type { Measurement } from './claims/measurements.ts'
import type { Html } from './html.ts'
import type { RunFacts } from './run-facts.ts'

export type Outcome = 'held' | 'did not hold' | 'not established' | 'not tested'

/** What a run says about a claim. */
export interface Verdict {
  readonly outcome: Outcome
  /** One careful sentence with the numbers, intervals and counts that decided; commands in it stand between backticks. */
  readonly sentence: string
}

/** Draws a figure for a width in CSS pixels: once for a page, once for a phone. */
export type Drawing = (width: number) => Html

/** A figure with its caption. The frame numbers it in order of appearance. */
export interface FigureBlock {
  /** Kebab-case and unique in the report: anchor of the figure, and what `figureReference` names. */
  readonly id: string
  readonly drawing: Drawing
  /** States the finding first, then how to read the figure. */
  readonly caption: Html
}

/** One column of a table. */
export interface TableColumn {
  readonly title: Html | string
  /** `end` for numbers; `start` unless given. */
  readonly align?: 'start' | 'end'
  /** Whether the whole column quotes published numbers. */
  readonly isPublished?: boolean
}

/** A table with its caption, numbered like figures are. */
export interface TableBlock {
  readonly id: string
  readonly columns: readonly TableColumn[]
  /** The first cell of a row is its heading. */
  readonly rows: readonly (readonly (Html | string | number)[])[]
  readonly caption: Html
}

/** A claim of the report: pure functions of a run's facts. */
export interface Claim {
  readonly id: ClaimId
  readonly statement: string
  /** Source file that carries it out, from the root: "src/architecture/mla.ts". */
  readonly mechanism: string
  /** What has to be measured for it to be tested. */
  readonly needs: readonly Measurement[]
  /** What a person types to test it. */
  readonly command: string
  /** When it holds, in a sentence that was written before any run: printed beside the verdict. */
  readonly rule: string
  /** Called only when everything in `needs` was measured. */
  readonly judge: (run: RunFacts) => Verdict
  /**
   * Its evidence as a figure; null when there is nothing to draw. It stands below the claim, unless the chapter has shown a
   * figure of the same id already: then the claim refers to that one.
   */
  readonly figure?: (run: RunFacts) => FigureBlock | null
}

/** A chapter of the report. Each part is prose in paragraphs, with headings of level 4 at most; an empty one is left out. */
export interface Chapter {
  readonly name: ClaimChapter
  /** What this layer decides. */
  readonly decides: (run: RunFacts) => Html
  /** What it had to take from the layers before, with numbers. */
  readonly inherited: (run: RunFacts) => Html
  /** How it works, with formulas. */
  readonly mechanism: (run: RunFacts) => Html
  /** What this run measured, with figures. */
  readonly measured: (run: RunFacts) => Html
  /** What the layers after it have to take. */
  readonly handsOn: (run: RunFacts) => Html
}
