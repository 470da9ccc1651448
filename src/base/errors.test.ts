import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvariantError, ShapeError, UsageError, invariant, rejectViolations, usageError } from './errors.ts'

test('the three errors are errors and tell their kind by name', () => {
  for (const [kind, name] of [
    [UsageError, 'UsageError'] as const,
    [ShapeError, 'ShapeError'] as const,
    [InvariantError, 'InvariantError'] as const,
  ]) {
    const error = new kind('x')
    assert.ok(error instanceof Error)
    assert.equal(error.name, name)
    assert.match(String(error), new RegExp(`^${name}: x$`))
  }
})

test('invariant passes what holds and names what does not', () => {
  invariant(true, 'never')
  assert.throws(() => invariant(0, 'count: expected 1, got 0'), { name: 'InvariantError', message: 'count: expected 1, got 0' })
})

test('a usage error says subject, expected, got and what to do, and keeps its cause', () => {
  const cause = new Error('ENOENT')
  const error = usageError('recipe.ts', 'a file', 'nothing', 'Check the path.', cause)
  assert.equal(error.message, 'recipe.ts: expected a file, got nothing. Check the path.')
  assert.equal(error.cause, cause)
  assert.equal(usageError('a', 'b', 'c').message, 'a: expected b, got c.')
})

test('violations are reported all at once, and none is no error', () => {
  rejectViolations('config', [])
  assert.throws(() => rejectViolations('config', ['a is 1']), { message: 'config: one thing is wrong.\n  - a is 1' })
  assert.throws(() => rejectViolations('config', ['a is 1', 'b is 2'], 'Mend them.'), {
    name: 'UsageError',
    message: 'config: 2 things are wrong.\n  - a is 1\n  - b is 2\nMend them.',
  })
})
