/** Configuration is code: a new flag is a decision, made by changing `flags.txt` in the same commit. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { flagList } from './flag-list.ts'

test('the command line has the verbs and flags of flags.txt and no others', async () => {
  const agreed = readFileSync(path.join(import.meta.dirname, 'flags.txt'), 'utf8')
  assert.equal(await flagList(), agreed, 'If this was decided: node test/policy/flag-list.ts > test/policy/flags.txt')
})
