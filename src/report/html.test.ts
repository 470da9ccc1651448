import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { escapeText, html, isEmpty, join, raw } from './html.ts'

/** Reads text back from markup without tags. */
const unescape = (markup: string) =>
  markup.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&')

test('no text becomes markup, and none is lost', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const escaped = escapeText(text)
      assert.doesNotMatch(escaped, /[<>"']|&(?!(?:lt|gt|quot|amp|#39);)/)
      // oxlint-disable-next-line no-control-regex -- these are the characters that are taken out
      assert.equal(unescape(escaped), text.replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F]/g, ' '))
    }),
  )
})

test('values are escaped, markup is kept, lists are joined, nothing is nothing', () => {
  const list = ['<b>', html`<i>${'&'}</i>`, 3]
  assert.equal(html`<p class="${'"x'}">${list}${null}${undefined}${false}</p>`.markup, '<p class="&quot;x">&lt;b&gt;<i>&amp;</i>3</p>')
  assert.equal(html`${raw('<hr>')}`.markup, '<hr>')
  assert.equal(join(['a', html`<b>b</b>`], ', ').markup, 'a, <b>b</b>')
  assert.ok(isEmpty(html` ${null} `))
  assert.ok(!isEmpty(html`<p></p>`))
})

test('a text cannot carry the marks that numbering looks for', () => {
  assert.equal(html`${'\u0001figure\u0002x\u0003'}`.markup, ' figure x ')
})
