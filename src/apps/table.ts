/** Text in columns. */

export interface Column {
  readonly title: string
  /** Numbers stand right, words left. */
  readonly align?: 'left' | 'right'
}

/** Width in cells of a terminal, colours left out. */
// oxlint-disable-next-line no-control-regex -- the escape character is what is looked for
const textWidth = (text: string): number => [...text.replace(/\u001B\[\d+m/g, '')].length

/** Fills a text up with spaces to a width, on the left for numbers. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const gap = ' '.repeat(Math.max(0, width - textWidth(text)))
  return align === 'right' ? gap + text : text + gap
}

/**
 * A table as lines of text, two spaces between columns, no rules.
 *
 * @param columns titles; no line of titles when all are empty
 * @param rows    as many cells as columns
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const hasTitles = columns.some(({ title }) => title !== '')
  const lines = hasTitles ? [columns.map(({ title }) => title), ...rows] : rows
  const widths = columns.map((_, index) => Math.max(...lines.map((cells) => textWidth(cells[index])), 0))
  return lines
    .map((cells) =>
      cells
        .map((cell, index) => pad(cell, widths[index], columns[index].align))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
