/**
 * Pre-tokenizing by the patterns of a tokenizer.json: each pattern cuts the pieces that the one before left.
 *
 * The patterns are written for Oniguruma. The part of its language that tokenizers use is rewritten for JavaScript; what
 * is left of it is refused by name. So is a repeated group, the one construct that lets a hostile file make matching
 * take exponential time.
 */

/** Cuts a text: given where a piece starts, says where it ends. Pieces are asked for in order, from 0. */
export type Split = (text: string) => (start: number) => number

/**
 * Cuts by patterns, the "Isolated" way: matches and what lies between them are pieces.
 *
 * @param patterns global Unicode expressions, as `compilePattern` makes them
 */
export function regexSplit(patterns: readonly RegExp[]): Split {
  return (text) => {
    let ends: readonly number[] = [text.length]
    for (const pattern of patterns) ends = cutPieces(text, ends, pattern)
    let piece = 0
    return () => ends[piece++]
  }
}

function cutPieces(text: string, ends: readonly number[], pattern: RegExp): number[] {
  const finer: number[] = []
  let start = 0
  for (const end of ends) {
    let last = start
    for (const match of text.slice(start, end).matchAll(pattern)) {
      if (match[0] === '') continue
      const matchStart = start + match.index
      if (matchStart > last) finer.push(matchStart)
      finer.push((last = matchStart + match[0].length))
    }
    if (last < end) finer.push(end)
    start = end
  }
  return finer
}

const longestPattern = 20_000
const syntaxCharacters = '^$\\.*+?()[]{}|/'
const rewrittenEscapes: Readonly<Record<string, string>> = {
  s: '\\p{White_Space}',
  S: '\\P{White_Space}',
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  ...Object.fromEntries(['n', 'r', 't', 'f', 'v'].map((letter) => [letter, `\\${letter}`])),
}
const knownGroups = ['(?:', '(?=', '(?!', '(?<=', '(?<!', '(?i:']

/** A pattern that can be used, or the reason why not. */
export type CompiledPattern = { readonly pattern: RegExp } | { readonly reason: string }

/**
 * An Oniguruma pattern as a JavaScript one.
 *
 * @param source the pattern as the file writes it
 */
export function compilePattern(source: string): CompiledPattern {
  if (source.length > longestPattern) return { reason: `a pattern of ${source.length} characters; at most ${longestPattern} are read` }
  const rewritten = rewrite(source)
  if ('reason' in rewritten) return rewritten
  try {
    return { pattern: new RegExp(rewritten.source, 'gu') }
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}

function rewrite(source: string): { readonly source: string } | { readonly reason: string } {
  let written = ''
  let isInClass = false
  for (let i = 0; i < source.length;) {
    const character = source[i]
    if (character === '\\') {
      const escape = rewriteEscape(source, i, isInClass)
      if (escape === undefined) return { reason: `the escape "${source.slice(i, i + 2)}" is not known here` }
      written += escape.written
      i = escape.end
      continue
    }
    if (isInClass) {
      if (character === '[' || source.startsWith('&&', i)) return { reason: 'a class inside a class' }
      if (character === ']') isInClass = false
    } else if (character === '[') {
      isInClass = true
    } else if (character === '^' || character === '$') {
      return { reason: `the anchor "${character}" is not known here` }
    } else if (character === '(' && source[i + 1] === '?' && !knownGroups.some((opening) => source.startsWith(opening, i))) {
      return { reason: `the group "${source.slice(i, i + 4)}" is not known here` }
    } else if (character === ')' && /^[*+{]/.test(source.slice(i + 1))) {
      return { reason: 'a repeated group can make matching endless' }
    } else if (/^(?:[*+?]|\{[\d,]+\})\+/.test(source.slice(i, i + 24)) && written !== '') {
      return { reason: 'possessive repetition' }
    }
    written += character === '.' && !isInClass ? '[^\\n]' : character
    i++
  }
  return { source: written }
}

function rewriteEscape(source: string, start: number, isInClass: boolean): { written: string; end: number } | undefined {
  const rest = source.slice(start, start + 64)
  const property = /^\\([pP])\{(\^?)([A-Za-z_=]+)\}/.exec(rest)
  if (property) {
    const isNegated = (property[1] === 'P') !== (property[2] === '^')
    return { written: `\\${isNegated ? 'P' : 'p'}{${propertyName(property[3])}}`, end: start + property[0].length }
  }
  const code = /^\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))/.exec(rest)
  if (code) return { written: `\\u{${code[1] ?? code[2] ?? code[3]}}`, end: start + code[0].length }
  const escaped = rest[1]
  if (escaped === undefined) return undefined
  const end = start + 2
  if (Object.hasOwn(rewrittenEscapes, escaped)) return { written: rewrittenEscapes[escaped], end }
  if (/[A-Za-z0-9\ud800-\udfff]/.test(escaped)) return undefined
  const mustEscape = syntaxCharacters.includes(escaped) || (isInClass && escaped === '-')
  return { written: mustEscape ? `\\${escaped}` : escaped, end }
}

/** Scripts may be named bare in Oniguruma (`\p{Han}`), JavaScript wants `Script=Han`. */
function propertyName(name: string): string {
  const isKnown = ['', 'Script='].map((prefix) => prefix + name).find((full) => isProperty(full))
  return isKnown ?? name
}

function isProperty(name: string): boolean {
  try {
    return new RegExp(`\\p{${name}}`, 'u').unicode
  } catch {
    return false
  }
}
