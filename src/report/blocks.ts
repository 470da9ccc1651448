/**
 * What prose is set with: numbered figures and tables, references to them, notes with sources, published numbers.
 *
 * Numbers are not known while a chapter is written, so a block leaves marks which `numberBlocks` (numbering.ts) replaces once
 * the whole document stands. Marks hold control characters, which escaped text never does.
 */
import { html, Html, type HtmlValue, join, raw } from './html.ts'
import type { FigureBlock, TableBlock, TableColumn } from './types.ts'
import type { WorkName } from './works.ts'

export { formula, maths } from './formula.ts'

/** Widths that every figure is drawn for, in CSS pixels. */
export const figureWidths = { page: 640, phone: 328 } as const

/** A mark: what it is and what it names. */
export const markOf = (kind: 'figure' | 'table' | 'ref' | 'note', name: string): Html => raw(`\u0001${kind}\u0002${name}\u0003`)

/** A numbered figure, drawn for a page and for a phone. */
export function figure({ id, drawing, caption }: FigureBlock): Html {
  return html`<figure id="figure-${id}">
    <div class="for-page">${drawing(figureWidths.page)}</div>
    <div class="for-phone">${drawing(figureWidths.phone)}</div>
    <figcaption><b class="number">${markOf('figure', id)}</b> ${caption}</figcaption>
  </figure> `
}

/** Characters of a number with its unit that are never broken over two lines. */
const shortCell = 14

/** A numbered table. On a narrow screen it scrolls inside its own box. */
export function table({ id, columns, rows, caption }: TableBlock): Html {
  const classesOf = ({ align, isPublished }: TableColumn, cell: Html | string | number) => {
    const isShort = String(cell instanceof Html ? cell.markup.replaceAll(/<[^>]*>/g, '') : cell).length <= shortCell
    const names = [align === 'end' && 'end', align === 'end' && isShort && 'short', isPublished && 'published'].filter(Boolean)
    return names.length > 0 ? html` class="${names.join(' ')}"` : null
  }
  const row = (cells: TableBlock['rows'][number]) =>
    html`<tr>
      ${cells.map((cell, index) => {
        const classes = classesOf(columns[index], cell)
        return index === 0 ? html`<th scope="row" ${classes}>${cell}</th>` : html`<td${classes}>${cell}</td>`
      })}
    </tr> `
  return html`<figure id="table-${id}" class="table">
    <figcaption><b class="number">${markOf('table', id)}</b> ${caption}</figcaption>
    <div class="scroll" tabindex="0" role="group" aria-label="table, scrolls sideways">
      <table>
        <thead>
          <tr>
            ${columns.map((column) => html`<th scope="col" ${classesOf(column, column.title)}>${column.title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(row)}
        </tbody>
      </table>
    </div>
  </figure> `
}

/** "Figure 4", linked; just "the figure" when this report has none of that id. */
export const figureReference = (id: string): Html => markOf('ref', `figure-${id}`)

/** "Table 2", linked; just "the table" when this report has none of that id. */
export const tableReference = (id: string): Html => markOf('ref', `table-${id}`)

/**
 * A raised number that leads to the notes at the end, where the source stands.
 *
 * @param work  of `works`
 * @param where in it: "section 2.1.2", "table 4"
 */
export const cite = (work: WorkName, where = ''): Html => markOf('note', `${work}|${where}`)

/**
 * A number of the full-size system, quoted and never measured here: set apart by its label and colour.
 *
 * @param text the number with its unit
 * @param of   label of the system that it is of
 */
export function published(text: HtmlValue, of = 'V3'): Html {
  return html`<span class="published"><span class="of">${of}</span> ${text}</span>`
}

/** Text with what stands between backticks set as code. */
export const withCode = (text: string): Html =>
  join(text.split('`').map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece)))

/** A remark in the margin; below the paragraph where there is no margin. Stands inside a paragraph. */
export const sidenote = (text: HtmlValue): Html => html`<span class="sidenote">${text}</span>`
