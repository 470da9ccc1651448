/**
 * Formulas as MathML, made when the report is: no fonts, no style sheet and no script come with them.
 *
 * Browsers follow MathML Core, which knows no `mathvariant` but `normal`: blackboard, script and bold letters are written as
 * the characters that Unicode has for them (block Mathematical Alphanumeric Symbols).
 */
import { renderToString } from 'katex'
import { html, type Html, raw } from './html.ts'

/**
 * A formula on a line of its own. Where there is no room for the whole of it, as on a phone, it is broken at each `\qquad`, which
 * stands between two formulas, and at each `\allowbreak`, which stands where one may go on in the next line (`{} + x` keeps the
 * sign apart from what it begins with). The parts should be up to some 35 characters wide.
 *
 * @param tex in TeX
 * @throws ParseError of katex when it is not
 */
export function formula(tex: string): Html {
  const formulas = tex.split(String.raw`\qquad`).map((one) => one.split(String.raw`\allowbreak`).map((part) => mathMl(part, true)))
  // Lines are broken between boxes, and boxes are told apart by a space.
  const boxes = formulas.flatMap((parts, number) =>
    parts.map((part, index) => (number > 0 && index === 0 ? html`<span class="apart">${part}</span> ` : html`<span>${part}</span> `)),
  )
  return html`<div class="formula" tabindex="0" role="group" aria-label="formula">${boxes}</div> `
}

/** A formula in a line of text, as `formula`. */
export const maths = (tex: string): Html => mathMl(tex, false)

function mathMl(tex: string, displayMode: boolean): Html {
  const markup = renderToString(tex, { output: 'mathml', throwOnError: true, displayMode })
  const lettered = markup.replaceAll(
    /<(m[ino]) mathvariant="([a-z-]+)">([^<]*)<\/\1>/g,
    (whole, tag: string, variant: string, text: string) => {
      const alphabet = alphabets[variant]
      return alphabet ? `<${tag}>${Array.from(text, (letter) => letterOf(letter, alphabet)).join('')}</${tag}>` : whole
    },
  )
  return raw(lettered.replaceAll(applied, '$&<mspace width="0.1667em"></mspace>'))
}

/** A function's name before its argument: there is a thin space where no bracket follows ("ln p", "max(a, b)"). */
const applied = /<mo>\u2061<\/mo>(?!<mo[^>]*>[([{|]|<mrow><mo fence)/g

/** Where an alphabet begins: capitals, small letters, digits, small Greek letters. */
interface Alphabet {
  readonly capitals: number
  readonly small: number
  readonly digits?: number
  readonly smallGreek?: number
  /** Letters that Unicode had before it had the block. */
  readonly exceptions: Readonly<Record<string, string>>
}

const alphabets: Readonly<Record<string, Alphabet>> = {
  'double-struck': {
    capitals: 0x1d538,
    small: 0x1d552,
    digits: 0x1d7d8,
    exceptions: { C: 'ℂ', H: 'ℍ', N: 'ℕ', P: 'ℙ', Q: 'ℚ', R: 'ℝ', Z: 'ℤ' },
  },
  script: {
    capitals: 0x1d49c,
    small: 0x1d4b6,
    exceptions: { B: 'ℬ', E: 'ℰ', F: 'ℱ', H: 'ℋ', I: 'ℐ', L: 'ℒ', M: 'ℳ', R: 'ℛ', e: 'ℯ', g: 'ℊ', o: 'ℴ' },
  },
  bold: { capitals: 0x1d400, small: 0x1d41a, digits: 0x1d7ce, exceptions: {} },
  'bold-italic': { capitals: 0x1d468, small: 0x1d482, smallGreek: 0x1d736, exceptions: {} },
}

function letterOf(letter: string, { capitals, small, digits, smallGreek, exceptions }: Alphabet): string {
  const known = exceptions[letter]
  if (known) return known
  const at = (start: number, first: string) => String.fromCodePoint(start + letter.codePointAt(0)! - first.codePointAt(0)!)
  if (/^[A-Z]$/.test(letter)) return at(capitals, 'A')
  if (/^[a-z]$/.test(letter)) return at(small, 'a')
  if (smallGreek !== undefined && /^[α-ω]$/.test(letter)) return at(smallGreek, 'α')
  return digits !== undefined && /^\d$/.test(letter) ? at(digits, '0') : letter
}
