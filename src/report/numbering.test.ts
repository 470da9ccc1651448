import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cite, figure, figureReference, table, tableReference } from './blocks.ts'
import { html, raw } from './html.ts'
import { numberBlocks } from './numbering.ts'

const someFigure = (id: string) => figure({ id, drawing: () => raw('<svg></svg>'), caption: html`A finding.` })
const someTable = (id: string) => table({ id, columns: [{ title: 'a' }], rows: [['b']], caption: html`Another.` })

test('figures and tables are numbered in order of appearance, references before them included', () => {
  const { body } = numberBlocks(
    html`${figureReference('later')} ${someFigure('first')}${someTable('only')}${someFigure('later')} ${tableReference('only')}`,
  )
  assert.match(body, /^<a href="#figure-later">Figure\u00A02<\/a>/)
  assert.match(body, /id="figure-first"[^]*Figure\u00A01\.[^]*id="table-only"[^]*Table\u00A01\.[^]*id="figure-later"[^]*Figure\u00A02\./)
  assert.match(body, /<a href="#table-only">Table\u00A01<\/a>$/)
})

test('a reference to a figure that this report does not have is words without a link', () => {
  assert.equal(numberBlocks(html`see ${figureReference('absent')} and ${tableReference('absent')}`).body, 'see the figure and the table')
})

test('two figures with one id are refused', () => {
  assert.throws(() => numberBlocks(html`${someFigure('same')}${someFigure('same')}`), /figure-same twice/)
})

test('a source that is cited twice is one note with two ways back; another place in it is another note', () => {
  const { body, notes } = numberBlocks(
    html`${cite('deepseek-v3', 'table 4')} ${cite('yarn')} ${cite('deepseek-v3', 'table 4')} ${cite('deepseek-v3')}`,
  )
  assert.deepEqual(
    Array.from(body.matchAll(/href="#note-(\d)" id="(cite-\d-\d)"/g), ([, note, id]) => `${note} ${id}`),
    ['1 cite-1-1', '2 cite-2-1', '1 cite-1-2', '3 cite-3-1'],
  )
  assert.equal(notes.markup.match(/<li id=/g)?.length, 3)
  assert.match(notes.markup, /arXiv:2412\.19437, table 4\.[^]*#cite-1-1[^]*#cite-1-2/)
})
