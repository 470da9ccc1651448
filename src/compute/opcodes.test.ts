/** The host's numbers of the kernels are those of the switch in kernels/index.ts. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { opcodes } from './opcodes.ts'

const source = readFileSync(new URL('../../kernels/index.ts', import.meta.url), 'utf8')

test('opcodes.ts and the switch in kernels/index.ts name the same kernels, in the same order', () => {
  const cases = Array.from(source.matchAll(/^\s*case (\d+): (\w+)\(\); break$/gm), ([, number, kernel]) => [kernel, Number(number)])
  assert.equal(cases.length, source.match(/\bcase /g)?.length, 'every case has the form that this test reads')
  assert.deepEqual(Object.entries(opcodes), cases)
})

test('every kernel is exported, so that the compiler keeps it a function of its own', () => {
  const exported = new Set(Array.from(source.matchAll(/^export \{ ([\w, ]+) \}$/gm), ([, names]) => names.split(', ')).flat())
  assert.deepEqual(
    Object.keys(opcodes).filter((kernel) => !exported.has(kernel)),
    [],
  )
})
