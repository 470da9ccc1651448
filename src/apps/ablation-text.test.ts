import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AblationEvent } from '../pretraining/index.ts'
import { testRunEvents } from '../report/test-run.ts'
import { ablationText } from './ablation-text.ts'

const plainText = (text: string) => text
const paint = { strong: plainText, faint: plainText, good: plainText, warning: plainText, bad: plainText }
const events = testRunEvents().filter((event): event is AblationEvent => event.type.startsWith('ablation/'))

test('memory is told in bytes beside the plan, in time beside the plain step, and in loss', () => {
  const text = ablationText(
    events.filter(({ name }) => name === 'memory'),
    paint,
  )
  assert.match(text, /^memory {2}What do recomputation.*\n {2}width/)
  assert.match(
    text,
    /A plain training peaks at [\d.]+ MiB \([\d.]+ MiB predicted\) and takes 80 ms a step; 10 pairs of steps each, in turn\./,
  )
  assert.match(text, /recompute +−10 MiB +−9\.\d+ MiB +[\d.]+ MiB +1\.040 \(1\.020 … 1\.070\) +the same bits/)
  assert.match(text, /host-average .* 14 MiB +1\.030/)
  assert.match(text, /all +−43 MiB .*other numbers/)
  assert.match(text, /fp8-cache less plain +held-out loss +\+0\.0030 +\+0\.0010 … \+0\.0050 +64 rows +higher/)
  assert.match(text, /Intervals over rows/)
})

test('every ablation of a run has its section, and none says what it does not know', () => {
  const text = ablationText(events, paint)
  for (const { name } of events) assert.match(text, new RegExp(`^${name} {2}`, 'm'))
  assert.doesNotMatch(text, /NaN|undefined|\[object/)
})
