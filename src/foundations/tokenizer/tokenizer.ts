/**
 * The tokenizer: text to ids and back.
 *
 * Text is data. A string that spells a special token is encoded as ordinary text unless the caller says otherwise, so
 * nobody's document can end a turn or open another.
 */
import { usageError } from '../../base/errors.ts'
import { bytesOfSpelling, characterOfByte } from './byte-alphabet.ts'
import { StreamingDecoder, TokenBytes } from './decoder.ts'
import { BpeEncoder } from './encoder.ts'
import { IdBuffer } from './id-buffer.ts'
import { compilePattern, regexSplit, type Split } from './regex-split.ts'
import { addedTokenFinder, specialTokens } from './special-tokens.ts'
import { formatTokenizerConfig } from './tokenizer-config.ts'
import { formatTokenizer, parseTokenizer, type TokenizerSpec } from './tokenizer-file.ts'
import { v3Patterns, v3Split } from './v3-split.ts'

export interface EncodeOptions {
  /** What strings that spell special tokens become: ordinary text (the default), or those tokens. */
  readonly special?: 'allow' | 'text'
}

/** Encodes and decodes; never changes. Made by `trainTokenizer` or `Tokenizer.fromJson`. */
export class Tokenizer {
  /** Ids, the special tokens included. */
  readonly vocabSize: number
  readonly bosId: number
  readonly eosId: number
  /** The end-of-text id where the file has no pad token. */
  readonly padId: number

  readonly #spec: TokenizerSpec
  readonly #idOfToken: Map<string, number>
  readonly #bytes: TokenBytes
  readonly #encoder: BpeEncoder
  readonly #findAddedTokens: ReturnType<typeof addedTokenFinder>

  /** @param spec a tokenizer that was checked or trained here */
  constructor(spec: TokenizerSpec) {
    this.#spec = spec
    this.vocabSize = spec.tokens.length
    this.#idOfToken = new Map(spec.tokens.map((token, id) => [token, id]))
    const utf8 = new TextEncoder()
    const addedIds = new Set(spec.addedTokens.map(({ id }) => id))
    this.#bytes = new TokenBytes(spec.tokens.map((token, id) => (addedIds.has(id) ? utf8.encode(token) : bytesOfSpelling(token)!)))
    const idOfByte = Int32Array.from(characterOfByte, (character) => this.#idOfToken.get(character)!)
    this.#encoder = new BpeEncoder(splitBy(spec.patterns), idOfByte, spec.merges, new IdBuffer())
    this.#findAddedTokens = addedTokenFinder(spec.addedTokens)
    this.bosId = this.#idOfToken.get(specialTokens.bos)!
    this.eosId = this.#idOfToken.get(specialTokens.eos)!
    this.padId = this.#idOfToken.get(specialTokens.pad) ?? this.eosId
  }

  /**
   * Reads a tokenizer.json.
   *
   * @param text    the file
   * @param subject what to call it in messages
   * @throws UsageError naming everything that is wrong with it
   */
  static fromJson(text: string, subject = 'tokenizer.json'): Tokenizer {
    return new Tokenizer(parseTokenizer(text, subject))
  }

  /** The tokenizer as tokenizer.json. */
  toJson(): string {
    return formatTokenizer(this.#spec)
  }

  /**
   * The file beside it, tokenizer_config.json, with the chat template.
   *
   * @param maxLength longest context of the model, in tokens
   */
  configJson(maxLength?: number): string {
    return formatTokenizerConfig({ bos: this.bosId, eos: this.eosId, pad: this.padId }, this.#spec.tokens, maxLength)
  }

  /**
   * The ids of a text. Nothing is added around it; halves of surrogate pairs become U+FFFD.
   *
   * @param text    any string
   * @param options what to do with special tokens in it
   */
  encode(text: string, { special = 'text' }: EncodeOptions = {}): Uint32Array<ArrayBuffer> {
    const ids = new IdBuffer(Math.ceil(text.length / 3))
    const wellFormed = text.toWellFormed()
    if (special === 'text') this.#encoder.encode(wellFormed, ids)
    else {
      for (const section of this.#findAddedTokens(wellFormed)) {
        if (section.id === undefined) this.#encoder.encode(section.text, ids)
        else ids.push(section.id)
      }
    }
    return ids.toArray()
  }

  /**
   * The text of ids. Special tokens are spelled out; bytes that are not UTF-8 become U+FFFD.
   *
   * @param ids token ids
   * @throws UsageError for an id that the tokenizer does not have
   */
  decode(ids: ArrayLike<number>): string {
    for (let i = 0; i < ids.length; i++) this.#checkId(ids[i])
    return this.#bytes.decode(ids)
  }

  /** A decoder for ids that come one at a time. What it returns, joined, is what `decode` returns. */
  decoder(): StreamingDecoder {
    return new StreamingDecoder((id) => this.bytesOf(id))
  }

  /**
   * The id of a token.
   *
   * @param token a special token as it is, any other as tokenizer.json spells it
   * @returns undefined when there is none
   */
  idOf(token: string): number | undefined {
    return this.#idOfToken.get(token)
  }

  /**
   * The bytes of a token: a view, not to be written to.
   *
   * @throws UsageError for an id that the tokenizer does not have
   */
  bytesOf(id: number): Uint8Array {
    this.#checkId(id)
    return this.#bytes.of(id)
  }

  #checkId(id: number): void {
    if (Number.isInteger(id) && id >= 0 && id < this.vocabSize) return
    throw usageError(
      'tokenizer',
      `a token id from 0 to ${this.vocabSize - 1}`,
      `${id}`,
      'The ids may come from a model with another tokenizer.',
    )
  }
}

/** The scanner for the patterns that it was written for, regular expressions for all others. */
function splitBy(patterns: readonly string[]): Split {
  const isV3 = (digitRun: 1 | 3) => {
    const expected = v3Patterns(digitRun)
    return patterns.length === expected.length && patterns.every((pattern, i) => pattern === expected[i])
  }
  if (isV3(1)) return v3Split(1)
  if (isV3(3)) return v3Split(3)
  return regexSplit(patterns.map((pattern) => (compilePattern(pattern) as { pattern: RegExp }).pattern))
}
