/** The README's map of the house is the list of floors, top floor first, word for word. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { floors } from '../../src/floors.ts'
import { root } from './source-files.ts'

test('the map of the house in the README is the list of floors', () => {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
  const map = floors.map(({ name, holds }) => `| \`${name}\` | ${holds} |`).toReversed()
  const start = readme.split('\n').indexOf(map[0])
  assert.notEqual(start, -1, `expected a line ${map[0]}`)
  assert.deepEqual(readme.split('\n').slice(start, start + map.length), map)
})
