/**
 * The pre-tokenizer of DeepSeek-V3, written as a scanner.
 *
 * The file gives three patterns, each applied to the pieces that the one before left:
 *
 *   1  \p{N}{1,3}                      numbers, three characters at a time; Strata takes one at a time
 *   2  [一-龥぀-ゟ゠-ヿ]+               runs of ideographs and kana
 *   3  mark + ASCII letters            ".then", "'s"
 *      | other? + letters              " word"
 *      | space? + marks + line ends    " });\n"
 *      | white space up to a line end
 *      | white space before the piece's end, or all but the last of it
 *      | the white space that is left
 *
 * Because pattern 3 never sees across the borders of 1 and 2, a border counts as the end of the text for it: hence
 * `isBorder`. What nothing matches (control characters, joiners) stays together as one piece. `regexSplit` with the same
 * patterns is the plain twin; a test holds the two equal.
 */
import { asciiLetter, asciiMark, cjk, classesOfPlane, lineEnd, mark, number, space, word } from './character-classes.ts'
import type { Split } from './regex-split.ts'

/** Pattern 2 of the file. */
const cjkPattern = '[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+'

/** Pattern 3 of the file. */
const wordPattern =
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+' +
  '|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+' +
  '| ?[\\p{P}\\p{S}]+[\r\n]*' +
  '|\\s*[\r\n]+|\\s+(?!\\S)|\\s+'

/** The three patterns. @param digitRun characters of a number that stay together: 3 in the released file, 1 here */
export function v3Patterns(digitRun: 1 | 3): string[] {
  return [digitRun === 1 ? '\\p{N}' : '\\p{N}{1,3}', cjkPattern, wordPattern]
}

const plane0 = classesOfPlane(0)

/** The bits of the character at `index`. */
function classAt(text: string, index: number): number {
  const unit = text.charCodeAt(index)
  if ((unit & 0xf800) !== 0xd800) return plane0[unit]
  const code = text.codePointAt(index)!
  return classesOfPlane(code >>> 16)[code & 0xffff]
}

/** 2 for a character outside plane 0, else 1. The text is well formed, so a high surrogate never stands alone. */
function unitsAt(text: string, index: number): number {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800 ? 2 : 1
}

/** Where the run of characters that have one of `bits`, and `script` for their cjk bit, ends. */
function runEnd(text: string, start: number, bits: number, script: number): number {
  let end = start
  while (end < text.length) {
    const unit = text.charCodeAt(end)
    const isPair = (unit & 0xf800) === 0xd800
    const found = isPair ? classAt(text, end) : plane0[unit]
    if ((found & bits) === 0 || (found & cjk) !== script) break
    end += isPair ? 2 : 1
  }
  return end
}

/** Whether patterns 1 and 2 end the piece at `index`. */
function isBorder(text: string, index: number, script: number): boolean {
  if (index >= text.length) return true
  const found = classAt(text, index)
  return (found & number) !== 0 || (found & cjk) !== script
}

/**
 * The pre-tokenizer.
 *
 * @param digitRun characters of a number that stay together
 */
export function v3Split(digitRun: 1 | 3): Split {
  return (text) => (start) => pieceEnd(text, start, digitRun)
}

function pieceEnd(text: string, start: number, digitRun: number): number {
  const first = classAt(text, start)
  const next = start + unitsAt(text, start)
  if (first & word) return runEnd(text, next, word, first & cjk)
  if (first & number) return numberEnd(text, next, digitRun)
  const script = first & cjk
  const second = isBorder(text, next, script) ? 0 : classAt(text, next)
  if (first & asciiMark && second & asciiLetter) return runEnd(text, next, asciiLetter, 0)
  if (first & mark) return runEnd(text, runEnd(text, next, mark, script), lineEnd, script)
  if (second & word && !(first & lineEnd)) return runEnd(text, next, word, script)
  if (first & space) {
    if (second & mark && text.charCodeAt(start) === 0x20) return runEnd(text, runEnd(text, next, mark, script), lineEnd, script)
    return spaceEnd(text, start)
  }
  return otherEnd(text, next, script)
}

function numberEnd(text: string, second: number, digitRun: number): number {
  let end = second
  for (let count = 1; count < digitRun && end < text.length && classAt(text, end) & number; count++) end += unitsAt(text, end)
  return end
}

/** White space: up to the last line end in it, else all when the piece ends with it, else all but the last, but at least one. */
function spaceEnd(text: string, start: number): number {
  const end = runEnd(text, start, space, 0)
  for (let i = end; i > start; i--) if (plane0[text.charCodeAt(i - 1)] & lineEnd) return i
  return end - start === 1 || isBorder(text, end, 0) ? end : end - 1
}

/** What no alternative takes: up to the first place where one does. */
function otherEnd(text: string, second: number, script: number): number {
  let end = second
  while (!isBorder(text, end, script) && (classAt(text, end) & (word | mark | space)) === 0) {
    const next = end + unitsAt(text, end)
    if (!isBorder(text, next, script) && classAt(text, next) & word) break
    end = next
  }
  return end
}
