import assert from 'node:assert/strict'
import { test } from 'node:test'
import { moduleFlags, wordsOf } from './start-worker.ts'

test('a worker gets the flags about modules with their values, and no others', () => {
  const flags = ['--input-type=module', '--import', 'a.mjs', '--title', 'x', '-r', 'b', '--conditions=dev', '--expose-gc', '-e', 'code']
  assert.deepEqual(moduleFlags(flags), ['--import', 'a.mjs', '-r', 'b', '--conditions=dev'])
  assert.deepEqual(moduleFlags(['--preserve-symlinks', '--import']), ['--preserve-symlinks', '--import'])
  assert.deepEqual(moduleFlags(['--important', '--require-x']), [])
})

test('NODE_OPTIONS is cut at blanks outside of quotes', () => {
  assert.deepEqual(wordsOf('  --title=x   --require "./my file.js" '), ['--title=x', '--require', './my file.js'])
  assert.deepEqual(wordsOf(String.raw`--import="a \"b\" \\c"`), [String.raw`--import=a "b" \c`])
  assert.deepEqual(wordsOf(''), [])
})
