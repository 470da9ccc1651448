/**
 * Numbers for figures, tables and notes, in order of appearance, once the whole document stands (the marks are those of
 * blocks.ts). Figures that are drawn and numbered twice would be two figures: ids are unique.
 */
import { invariant } from '../base/errors.ts'
import { escapeText, type Html, html, raw } from './html.ts'
import { type WorkName, works } from './works.ts'

// oxlint-disable-next-line no-control-regex -- marks are made of characters that escaped text cannot hold
const mark = /\u0001(figure|table|ref|note)\u0002([^\u0003]*)\u0003/g

/** The numbered document, and its notes as a list for the end of it. */
export interface Numbered {
  readonly body: string
  readonly notes: Html
}

/**
 * Replaces all marks.
 *
 * @param document markup with marks
 * @throws InvariantError when two figures or two tables share an id
 */
export function numberBlocks(document: Html): Numbered {
  const names = new Map<string, string>()
  const counts = { figure: 0, table: 0 }
  for (const [, kind, id] of document.markup.matchAll(mark)) {
    if (kind !== 'figure' && kind !== 'table') continue
    const anchor = `${kind}-${id}`
    invariant(!names.has(anchor), `report: expected figures and tables with ids of their own, got ${anchor} twice`)
    names.set(anchor, `${kind === 'figure' ? 'Figure' : 'Table'}\u00A0${++counts[kind]}`)
  }
  const notes = new Map<string, number>()
  const uses = new Map<number, number>()
  const body = document.markup.replaceAll(mark, (_, kind: string, name: string) => {
    if (kind === 'figure' || kind === 'table') return `${names.get(`${kind}-${name}`)}.`
    if (kind === 'ref') {
      const words = names.get(name)
      return words ? `<a href="#${escapeText(name)}">${words}</a>` : `the ${name.startsWith('table') ? 'table' : 'figure'}`
    }
    if (!notes.has(name)) notes.set(name, notes.size + 1)
    const number = notes.get(name)!
    const use = (uses.get(number) ?? 0) + 1
    uses.set(number, use)
    return `<sup class="cite"><a href="#note-${number}" id="cite-${number}-${use}" aria-label="note ${number}">${number}</a></sup>`
  })
  return { body, notes: notesList(notes, uses) }
}

/** The works that were referred to, each with a way back to every place that does. */
function notesList(notes: ReadonlyMap<string, number>, uses: ReadonlyMap<number, number>): Html {
  const items = [...notes].map(([name, number]) => {
    const [work, where] = name.split('|') as [WorkName, string]
    const back = Array.from({ length: uses.get(number)! }, (_, index) => {
      const text = index === 0 ? '↩' : `↩\u00A0${index + 1}`
      return html` <a href="#cite-${number}-${index + 1}" aria-label="back to use ${index + 1} of note ${number}">${text}</a>`
    })
    return html`<li id="note-${number}">${works[work]}${where ? `, ${where}` : ''}.<span class="back">${back}</span></li> `
  })
  return items.length === 0
    ? raw('')
    : html`<ol class="notes">
        ${items}
      </ol> `
}
