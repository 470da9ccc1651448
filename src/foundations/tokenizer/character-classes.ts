/**
 * What the V3 pre-tokenizer asks about a character, as bits in a table: one load instead of a regular expression.
 *
 * Tables are made for one plane of 65,536 code points at a time, when a text first needs it, from the engine's own
 * Unicode data: text in the Latin, Greek or CJK scripts needs plane 0 only, emoji plane 1.
 */

/** Letter or mark (\p{L}, \p{M}). */
export const word = 1
/** Punctuation or symbol (\p{P}, \p{S}). */
export const mark = 2
/** White space (\p{White_Space}), line ends included. */
export const space = 4
/** Carriage return or line feed. */
export const lineEnd = 8
/** Any number (\p{N}), not only decimal digits. */
export const number = 16
/** The ranges that the second rule of V3 isolates: common ideographs, hiragana, katakana. */
export const cjk = 32
/** One of the 32 punctuation marks and symbols of ASCII. */
export const asciiMark = 64
/** A-Z or a-z. */
export const asciiLetter = 128

const properties: readonly (readonly [pattern: RegExp, bits: number])[] = [
  [/[\p{L}\p{M}]+/gu, word],
  [/[\p{P}\p{S}]+/gu, mark],
  [/\p{White_Space}+/gu, space],
  [/[\r\n]+/gu, lineEnd],
  [/\p{N}+/gu, number],
  [/[\u4e00-\u9fa5\u3040-\u30ff]+/gu, cjk],
  [/[!-/:-@[-`{-~]+/gu, asciiMark],
  [/[A-Za-z]+/gu, asciiLetter],
]

const planes: (Uint8Array | undefined)[] = []

/**
 * The classes of one plane.
 *
 * @param plane 0..16
 * @returns one byte of bits a code point, 65,536 of them; surrogates have none
 */
export function classesOfPlane(plane: number): Uint8Array {
  return (planes[plane] ??= buildPlane(plane))
}

function buildPlane(plane: number): Uint8Array {
  const classes = new Uint8Array(0x10000)
  const blockSize = 0x800
  for (let first = 0; first < 0x10000; first += blockSize) {
    if (plane === 0 && first === 0xd800) continue // The surrogates: 0x800 code points, exactly this block.
    const codes = Array.from({ length: blockSize }, (_, i) => plane * 0x10000 + first + i)
    const text = String.fromCodePoint(...codes)
    const unitsPerCode = plane === 0 ? 1 : 2
    for (const [pattern, bits] of properties) {
      for (const match of text.matchAll(pattern)) {
        const start = first + match.index / unitsPerCode
        for (let i = start; i < start + match[0].length / unitsPerCode; i++) classes[i] |= bits
      }
    }
  }
  return classes
}
