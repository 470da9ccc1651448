import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formula, maths } from './formula.ts'

test('a formula is MathML and nothing else', () => {
  const { markup } = formula(String.raw`\frac{a}{b}`)
  assert.match(markup, /<math [^>]*display="block"/)
  assert.match(markup, /<mfrac><mi>a<\/mi><mi>b<\/mi><\/mfrac>/)
  assert.doesNotMatch(markup, /katex-html|style=/)
})

test('a formula is broken between formulas and where it may go on, and stays whole elsewhere', () => {
  const parts = ({ markup }: { readonly markup: string }) =>
    Array.from(markup.matchAll(/<span( class="apart")?><span class="katex"><math/g), ([, apart]) => Boolean(apart))
  assert.deepEqual(parts(formula(String.raw`a = b`)), [false])
  assert.deepEqual(parts(formula(String.raw`a = b,\qquad c = d \allowbreak {} + e`)), [false, true, false])
  assert.match(formula(String.raw`a \allowbreak {} + b`).markup, /<mrow><\/mrow><mo>\+<\/mo>/, 'the sign of a next line is that of a sum')
})

test('letters of other alphabets are characters of their own, which browsers show', () => {
  const { markup } = maths(String.raw`\mathbb{E}\mathbb{R}\mathcal{J}\mathcal{L}\mathbf{h}\boldsymbol{\theta}`)
  for (const letter of ['𝔼', 'ℝ', '𝒥', 'ℒ', '𝐡', '𝜽']) assert.ok(markup.includes(`<mi>${letter}</mi>`), letter)
  assert.doesNotMatch(markup, /mathvariant="(?!normal)/)
})

test('a function’s name is set off from its argument, unless that is in brackets', () => {
  assert.match(maths(String.raw`\ln p`).markup, /<mspace/)
  assert.doesNotMatch(maths(String.raw`\ln(p)`).markup, /<mspace/)
})

test('what is no TeX is an error where it is written, not a red word in the report', () => {
  assert.throws(() => maths(String.raw`\frac{a}`), /KaTeX parse error/)
})
