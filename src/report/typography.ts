/**
 * What a compositor does at the end: numbers stay with their units, and apostrophes are apostrophes. Only running text is
 * touched; code, drawings, formulas and everything inside a tag stay as they are.
 */

const untouched = /^<(\/?)(code|pre|svg|math|style)[\s>]/

/** Units that must not begin a line, after a number and a space. */
const units =
  '%|±|nats|bits?|bytes?|B|[KMGT]iB|[KMG]B|G?B/s|[MGT]FLOP(?:/s)?|Gbit/s|FLOPs?|tokens?/s|tokens|points|ms|µs|s|minutes|hours|times|GPU'
const beforeUnit = new RegExp(String.raw`(?<=\d[KMBT]?) (?=(?:${units})(?![\w/]))`, 'g')

const apostrophe = /(?<=\p{L}|\d)&#39;(?=\p{L})|(?<=s)&#39;(?=\s)/gu

/** Sets the text of a document. @param markup whole elements */
export function setText(markup: string): string {
  let depth = 0
  return markup.replaceAll(/<[^>]*>|[^<]+/g, (piece) => {
    if (!piece.startsWith('<')) return depth > 0 ? piece : setPiece(piece)
    const match = untouched.exec(piece)
    if (match) depth += match[1] ? -1 : 1
    return piece
  })
}

const setPiece = (text: string) =>
  text
    .replaceAll(beforeUnit, '\u00A0')
    .replaceAll(/(?<=±) (?=\d)/g, '\u00A0')
    .replaceAll(apostrophe, '’')
