import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOutput } from './output.ts'
import { notePlainKernels } from './start-machine.ts'

function noted(dialect: 'plain' | 'relaxed', flags: { json?: boolean; quiet?: boolean }): string {
  const [out, lines]: [string[], string[]] = [[], []]
  const stream = (to: string[]) => ({ write: (text: string) => to.push(text) })
  notePlainKernels({ type: 'kernels', dialect, reason: 'slower' }, createOutput({ ...flags, stdout: stream(out), stderr: stream(lines) }))
  assert.deepEqual(out, [])
  return lines.join('')
}

test('the plain kernels are one line on standard error, and none for a program that reads', () => {
  assert.equal(noted('plain', {}), 'kernels   plain: slower\n')
  assert.equal(noted('plain', { json: true }), '')
  assert.equal(noted('plain', { quiet: true }), '')
  assert.equal(noted('relaxed', {}), '')
})
