/**
 * The special tokens of the DeepSeek-V3 family, and the search for such tokens in a text.
 *
 * The bars are full-width (U+FF5C) and the word separator is U+2581, so ordinary text hardly ever spells one by accident.
 * Source: the released tokenizer.json; `<think>` and `</think>` come from R1.
 */

/** One entry of `added_tokens` in tokenizer.json. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  /** Whether readers leave it out of displayed text. */
  readonly isSpecial: boolean
  /** Whether readers look for it after normalizing the text, and after the tokens that are not. */
  readonly isNormalized: boolean
}

/** The family's special tokens by what they are for. */
export const specialTokens = {
  bos: '<｜begin▁of▁sentence｜>',
  eos: '<｜end▁of▁sentence｜>',
  pad: '<｜▁pad▁｜>',
  fimHole: '<｜fim▁hole｜>',
  fimBegin: '<｜fim▁begin｜>',
  fimEnd: '<｜fim▁end｜>',
  user: '<｜User｜>',
  assistant: '<｜Assistant｜>',
  endOfText: '<|EOT|>',
  toolCallsBegin: '<｜tool▁calls▁begin｜>',
  toolCallsEnd: '<｜tool▁calls▁end｜>',
  toolCallBegin: '<｜tool▁call▁begin｜>',
  toolCallEnd: '<｜tool▁call▁end｜>',
  toolOutputsBegin: '<｜tool▁outputs▁begin｜>',
  toolOutputsEnd: '<｜tool▁outputs▁end｜>',
  toolOutputBegin: '<｜tool▁output▁begin｜>',
  toolOutputEnd: '<｜tool▁output▁end｜>',
  toolSeparator: '<｜tool▁sep｜>',
  thinkBegin: '<think>',
  thinkEnd: '</think>',
} as const

/** The tokens at the front of the vocabulary, whose ids are 0, 1 and 2. */
export const leadingTokens = [specialTokens.bos, specialTokens.eos, specialTokens.pad] as const

/** The tokens at its end, in order. */
export const trailingTokens: readonly string[] = Object.values(specialTokens).slice(leadingTokens.length)

interface TrieNode {
  readonly children: Map<number, TrieNode>
  /** The token that ends here, or -1. */
  id: number
}

interface Trie {
  readonly root: TrieNode
  /** Finds the next unit that a token begins with. */
  readonly firstUnit: RegExp
}

/** A piece of a text: one added token, or ordinary text (`id` undefined). */
export interface TextSection {
  readonly text: string
  readonly id: number | undefined
}

/**
 * A function that cuts a text at the added tokens in it: leftmost first, longest first.
 *
 * Tokens that are not normalized are found before those that are, as Hugging Face's readers do.
 *
 * @param tokens the tokens to look for; their contents are not empty
 * @returns text → its sections in order, none of them empty
 */
export function addedTokenFinder(tokens: readonly AddedToken[]): (text: string) => TextSection[] {
  const tries = [false, true].map((isNormalized) => buildTrie(tokens.filter((token) => token.isNormalized === isNormalized)))
  return (text) => {
    let sections: TextSection[] = text ? [{ text, id: undefined }] : []
    for (const trie of tries) sections = sections.flatMap((section) => (section.id === undefined ? cut(section.text, trie) : [section]))
    return sections
  }
}

function buildTrie(tokens: readonly AddedToken[]): Trie {
  const root: TrieNode = { children: new Map(), id: -1 }
  for (const { content, id } of tokens) {
    let node = root
    for (let i = 0; i < content.length; i++) {
      const unit = content.charCodeAt(i)
      let child = node.children.get(unit)
      if (!child) node.children.set(unit, (child = { children: new Map(), id: -1 }))
      node = child
    }
    node.id = id
  }
  const firstUnits = [...root.children.keys()].map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
  return { root, firstUnit: new RegExp(`[${firstUnits.join('')}]`, 'g') }
}

function cut(text: string, { root, firstUnit }: Trie): TextSection[] {
  const sections: TextSection[] = []
  let pendingStart = 0
  firstUnit.lastIndex = 0
  while (firstUnit.test(text)) {
    const start = firstUnit.lastIndex - 1
    let node: TrieNode | undefined = root
    let id = -1
    let idEnd = start
    for (let i = start; node && i < text.length; i++) {
      node = node.children.get(text.charCodeAt(i))
      if (node && node.id >= 0) {
        id = node.id
        idEnd = i + 1
      }
    }
    if (id < 0) continue
    if (start > pendingStart) sections.push({ text: text.slice(pendingStart, start), id: undefined })
    sections.push({ text: text.slice(start, idEnd), id })
    firstUnit.lastIndex = pendingStart = idEnd
  }
  if (pendingStart < text.length) sections.push({ text: text.slice(pendingStart), id: undefined })
  return sections
}
