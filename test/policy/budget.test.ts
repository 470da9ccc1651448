/** One idea, one file: how long the files are, floor by floor. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTable } from '../../src/apps/table.ts'
import { floors } from '../../src/floors.ts'
import { projectFiles, shippedFiles } from './source-files.ts'

const mostLines = 400

/** Files that may be longer, each with its reason. */
const exceptions: Readonly<Record<string, string>> = {}

const linesOf = (text: string) => text.trimEnd().split('\n').length

test('no source file is longer than 400 lines without a reason', (context) => {
  const files = [...shippedFiles(), ...projectFiles('kernels', /\.ts$/)].map(({ name, text }) => ({ name, lines: linesOf(text) }))
  const rows = [...floors.map(({ name }) => `src/${name}/`).reverse(), 'kernels/'].map((folder) => {
    const inside = files.filter(({ name }) => name.startsWith(folder)).sort((a, b) => b.lines - a.lines)
    const total = inside.reduce((sum, { lines }) => sum + lines, 0)
    const [longest] = inside
    return [folder, String(inside.length), String(total), longest ? `${longest.name.slice(folder.length)} ${longest.lines}` : '']
  })
  const table = formatTable(
    [{ title: 'folder' }, { title: 'files', align: 'right' }, { title: 'lines', align: 'right' }, { title: 'longest' }],
    rows,
  )
  for (const line of table.split('\n')) context.diagnostic(line)

  const tooLong = files.filter(({ name, lines }) => lines > mostLines && !exceptions[name])
  assert.deepEqual(tooLong, [])
})

test('every exception is still needed', () => {
  const needed = new Set(
    [...shippedFiles(), ...projectFiles('kernels', /\.ts$/)].filter(({ text }) => linesOf(text) > mostLines).map(({ name }) => name),
  )
  assert.deepEqual(
    Object.keys(exceptions).filter((name) => !needed.has(name)),
    [],
  )
})
