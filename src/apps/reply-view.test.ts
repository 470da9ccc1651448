import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createPaint } from './colour.ts'
import { ReplyView } from './reply-view.ts'

const plain = createPaint({ isTTY: false }, {})
const faint = createPaint({ isTTY: true }, {})

function view(pieces: readonly string[], paint = plain): string {
  const shown = new ReplyView(paint)
  return pieces.map((piece) => shown.push(piece)).join('') + shown.end()
}

test('thought is faint on a line of its own, and the tags are gone', () => {
  const reply = '<think>7 * 100 = 700</think><answer>700</answer>'
  assert.equal(view([reply]), '7 * 100 = 700\n700')
  assert.equal(view([reply], faint), '\u001B[2m7 * 100 = 700\u001B[22m\n700')
  assert.equal(view(['<answer>yes</answer>']), 'yes')
  assert.equal(view(['Well. <think>hm', '</think>\n\n So.']), 'Well. \nhm\nSo.')
})

test('a tag that is cut anywhere is known, and what only looks like one is shown', () => {
  for (const reply of ['<think>a < b</think><answer>b</answer>', 'x <thin air> </answerless> <', 'a<b>c</b>'])
    fc.assert(
      fc.property(fc.array(fc.nat(reply.length)), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), reply.length]
        const pieces = places.slice(1).map((place, index) => reply.slice(places[index], place))
        assert.equal(view(pieces), view([reply]))
      }),
    )
  assert.equal(view(['x <thin air> </answerless> <']), 'x <thin air> </answerless> <')
})
