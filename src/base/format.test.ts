import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from './errors.ts'
import { formatBandwidth, formatBytes, formatCount, formatFlops, formatSeconds, formatShare, parseSeconds } from './format.ts'

test('bytes are printed in binary units with three digits', () => {
  const expected = { 0: '0 B', 1: '1 B', 1023: '1023 B', 1024: '1 KiB', 1536: '1.50 KiB', 1342177280: '1.25 GiB', [2 ** 40]: '1 TiB' }
  for (const [bytes, text] of Object.entries(expected)) assert.equal(formatBytes(Number(bytes)), text)
  assert.equal(formatBytes(688_574_839_360), '641 GiB')
})

test('counts are printed as the field writes them', () => {
  const expected = { 0: '0', 999: '999', 1000: '1K', 17_400_000: '17.4M', 671_026_419_200: '671B', 14_800_000_000_000: '14.8T' }
  for (const [count, text] of Object.entries(expected)) assert.equal(formatCount(Number(count)), text)
})

test('a value that rounds to the next unit is printed in the next unit', () => {
  assert.equal(formatCount(999_999), '1.00M')
  assert.equal(formatBytes(2 ** 20 - 1), '1.00 MiB')
  assert.equal(formatSeconds(59.97), '1m 00s')
  assert.equal(formatSeconds(3599.7), '1h 00m')
  assert.equal(formatSeconds(0.99999), '1.0 s')
})

test('negative values keep their sign', () => {
  assert.equal(formatBytes(-1536), '-1.50 KiB')
  assert.equal(formatCount(-2_500_000), '-2.50M')
  assert.equal(formatSeconds(-65), '-1m 05s')
})

test('speeds and shares carry their unit', () => {
  assert.equal(formatFlops(58.34e9), '58.3 GFLOP/s')
  assert.equal(formatBandwidth(21.46e9), '21.5 GB/s')
  assert.equal(formatShare(0.6134), '61.3 %')
})

test('times read well from microseconds to hours, and say so when they are not known', () => {
  const expected = { 0: '0 s', 0.000031: '31 µs', 0.017: '17 ms', 4.2: '4.2 s', 185: '3m 05s', 3720: '1h 02m' }
  for (const [seconds, text] of Object.entries(expected)) assert.equal(formatSeconds(Number(seconds)), text)
  assert.equal(formatSeconds(Number.POSITIVE_INFINITY), 'unknown')
  assert.equal(formatSeconds(Number.NaN), 'unknown')
})

test('a time with its unit is read as seconds', () => {
  const expected = { '90s': 90, '10m': 600, '2h': 7200, '1h30m': 5400, '1.5h': 5400, ' 1h 5s ': 3605, '1d': 86_400 }
  for (const [text, seconds] of Object.entries(expected)) assert.equal(parseSeconds(text, '--budget'), seconds)
})

test('any other text is refused with an example of a right one', () => {
  for (const text of ['', '10', 'm', '10 minutes', '-5m', '0s', '1h30', 'NaNs', '1e3s']) {
    assert.throws(() => parseSeconds(text, '--budget'), /--budget: expected a time with its unit.*Write it like 90s/)
  }
})

test('any text gives a positive time or a usage error', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[\d.smhd ]{0,12}$/))
  fc.assert(
    fc.property(text, (candidate) => {
      try {
        assert.ok(parseSeconds(candidate, 'x') > 0)
      } catch (error) {
        assert.ok(error instanceof UsageError)
      }
    }),
  )
})
