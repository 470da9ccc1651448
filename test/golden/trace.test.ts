import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { traceLines } from './trace.ts'

/** The lines of a golden file, its first one (the command that makes it) left out. */
const golden = (name: string) =>
  readFileSync(path.join(import.meta.dirname, name), 'utf8')
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('#'))

test('twenty steps of nano with the plain kernels are the golden ones, digit by digit', async () => {
  assert.deepEqual(await traceLines('plain'), golden('nano-plain.txt'))
})

/**
 * How an engine rounds relaxed multiply-adds is its own affair: fused, or not. Both are allowed, so the trace may stray as
 * far as the two builds are from each other: rounding only until a token's best experts are so close that it goes to
 * another one, then up to 1.3e-3 of a loss and 2.6e-2 of a gradient norm within twenty steps (nano-plain.txt and
 * nano-relaxed.txt). Allowed are 2e-3 and 1e-1.
 */
test('with the relaxed kernels they stay within what fusing or not fusing changes', async () => {
  const lines = (await traceLines('relaxed')).map((line) => line.split(' ').map(Number))
  const expected = golden('nano-relaxed.txt').map((line) => line.split(' ').map(Number))
  assert.equal(lines.length, expected.length)
  for (const [index, [step, loss, mtp, , norm]] of lines.entries()) {
    const [goldenStep, goldenLoss, goldenMtp, , goldenNorm] = expected[index]
    assert.equal(step, goldenStep)
    assert.ok(Math.abs(loss - goldenLoss) < 2e-3 * goldenLoss, `step ${step}: loss ${loss}, golden ${goldenLoss}`)
    assert.ok(Math.abs(mtp - goldenMtp) < 2e-3 * goldenMtp, `step ${step}: MTP loss ${mtp}, golden ${goldenMtp}`)
    assert.ok(Math.abs(norm - goldenNorm) < 1e-1 * goldenNorm, `step ${step}: gradient norm ${norm}, golden ${goldenNorm}`)
  }
})
