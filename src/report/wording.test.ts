import assert from 'node:assert/strict'
import { test } from 'node:test'
import { between, changed, counted, digits, listed, percent, signed } from './wording.ts'

test('three digits that count, whatever the size', () => {
  assert.deepEqual([123_456, 123.4, 45.67, 4.567, 0.5, 0, 0.04123, 0.00001, -4.567].map(digits), [
    '123K',
    '123',
    '45.7',
    '4.57',
    '0.50',
    '0.00',
    '0.041',
    '1.0 × 10⁻⁵',
    '-4.57',
  ])
  assert.equal(digits(Number.NaN), 'not finite')
})

test('a verb follows from its numbers', () => {
  assert.equal(changed(8.41, 4.56, digits, ' nats'), 'fell from 8.41 to 4.56 nats')
  assert.equal(changed(1, 2), 'rose from 1.00 to 2.00')
  assert.equal(changed(1.001, 1.002), 'stayed at 1.00')
})

test('signs, shares, intervals and lists', () => {
  assert.equal(signed(-0.12), '−0.12')
  assert.equal(signed(0.12), '+0.12')
  assert.equal(between(-0.1, 0.2), 'between −0.10 and 0.20')
  assert.deepEqual([0.004, 0.25, 0, 1].map(percent), ['0.4 %', '25 %', '0 %', '100 %'])
  assert.deepEqual(
    [[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map((items) => listed(items)),
    ['', 'a', 'a and b', 'a, b and c'],
  )
  assert.equal(listed(['a', 'b and c', 'd']), 'a; b and c; and d')
  assert.deepEqual([counted(0, 'task'), counted(1, 'task'), counted(3, 'task')], ['no tasks', 'one task', '3 tasks'])
})
