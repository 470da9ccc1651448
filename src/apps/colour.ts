/**
 * Colours, sparingly: a word or two a screen, and none where nobody would see them (no terminal, `TERM=dumb`) or wants
 * them (`NO_COLOR`, see no-color.org).
 */

/** Marks for one stream; without colours each is the text itself. */
export interface Paint {
  readonly strong: (text: string) => string
  readonly faint: (text: string) => string
  readonly good: (text: string) => string
  readonly warning: (text: string) => string
  readonly bad: (text: string) => string
}

/** The marks that suit a stream and an environment. */
export function createPaint(stream: { readonly isTTY?: boolean }, env: Readonly<Record<string, string | undefined>> = process.env): Paint {
  const isColoured = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  const mark = (start: number, end: number) => (text: string) => (isColoured ? `\u001B[${start}m${text}\u001B[${end}m` : text)
  return { strong: mark(1, 22), faint: mark(2, 22), good: mark(32, 39), warning: mark(33, 39), bad: mark(31, 39) }
}
