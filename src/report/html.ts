/**
 * Markup without a framework: a template tag that escapes whatever is put into it, so that text from a run (a sample, a
 * document's name, a warning) can never become markup. `raw` is for strings that are markup already.
 */

/** A piece of markup. Only this file and `raw` make one, so a plain string is never mistaken for markup. */
export class Html {
  readonly markup: string

  constructor(markup: string) {
    this.markup = markup
  }
}

/** What may stand in a template: markup as it is, text and numbers escaped, lists joined, nothing for null, undefined and false. */
export type HtmlValue = Html | string | number | null | undefined | false | readonly HtmlValue[]

/** Text as it may stand in markup and in quoted attributes. Control characters, which no document may hold, become spaces. */
export function escapeText(text: string): string {
  return (
    text
      // oxlint-disable-next-line no-control-regex -- these are the characters that are taken out
      .replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F]/g, ' ')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;')
  )
}

/** The markup of a value, text escaped. */
function markupOf(value: HtmlValue): string {
  if (value instanceof Html) return value.markup
  if (value === null || value === undefined || value === false) return ''
  if (typeof value === 'string') return escapeText(value)
  if (typeof value === 'number') return escapeText(String(value))
  return value.map(markupOf).join('')
}

/** html`<p>${text}</p>`: markup in which every value is escaped unless it is markup. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let markup = parts[0]
  values.forEach((value, index) => (markup += markupOf(value) + parts[index + 1]))
  return new Html(markup)
}

/** A string that is markup already: a figure, a formula. */
export const raw = (markup: string): Html => new Html(markup)

/** Pieces with something between them, such as a list of phrases. */
export function join(pieces: readonly HtmlValue[], separator: HtmlValue = ''): Html {
  return new Html(pieces.map(markupOf).join(markupOf(separator)))
}

/** Whether there is nothing to see. */
export const isEmpty = (piece: Html): boolean => piece.markup.trim() === ''
