/**
 * tokenizer.json, the file that Hugging Face's libraries read: checked on the way in, complete on the way out.
 *
 * Read is the byte-level BPE of the DeepSeek family: patterns, then bytes, then merges. Every setting that would change
 * ids is either followed or refused. Not looked at are `truncation`, `padding` and `post_processor`, which say what
 * another library's calls add around the ids by default; `encode` adds nothing.
 */
import { z } from 'zod'
import { mostViolations, rejectViolations, usageError } from '../../base/errors.ts'
import { bytesOfSpelling, characterOfByte } from './byte-alphabet.ts'
import type { MergeTriples } from './encoder.ts'
import { compilePattern } from './regex-split.ts'
import { type AddedToken, specialTokens } from './special-tokens.ts'

/** A tokenizer as data: what the file says, with names resolved to ids. */
export interface TokenizerSpec {
  /** The token of each id, spelled in the byte alphabet; added tokens as they are. */
  readonly tokens: readonly string[]
  readonly merges: MergeTriples
  readonly addedTokens: readonly AddedToken[]
  /** The pre-tokenizer's patterns, as Oniguruma writes them. */
  readonly patterns: readonly string[]
}

/** The released file has 7.8 million characters and 128,815 ids. */
const longestFile = 64 * 2 ** 20
const mostTokens = 2 ** 20

const nothing = z.union([z.null(), z.literal('')]).optional()
const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const stepSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('Split'),
    pattern: z.union([z.strictObject({ Regex: z.string() }), z.strictObject({ String: z.string().min(1) })]),
    behavior: z.literal('Isolated'),
    invert: z.boolean().optional(),
  }),
  z.object({ type: z.literal('Digits'), individual_digits: z.boolean() }),
  z.object({ type: z.literal('ByteLevel'), add_prefix_space: z.literal(false), use_regex: z.literal(false) }),
])

const addedTokenSchema = z.object({
  id: z
    .number()
    .int()
    .min(0)
    .max(mostTokens - 1),
  content: z.string().min(1).max(1024),
  single_word: z.literal(false).optional(),
  lstrip: z.literal(false).optional(),
  rstrip: z.literal(false).optional(),
  normalized: z.boolean().optional(),
  special: z.boolean().optional(),
})

const fileSchema = z.object({
  added_tokens: z.array(addedTokenSchema).max(mostTokens),
  normalizer: z.union([z.null(), z.object({ type: z.literal('Sequence'), normalizers: z.array(z.unknown()).max(0) })]).optional(),
  pre_tokenizer: z.object({
    type: z.literal('Sequence'),
    pretokenizers: z.array(stepSchema).min(1).max(32),
  }),
  decoder: z.object({ type: z.literal('ByteLevel') }),
  model: z.object({
    type: z.literal('BPE'),
    dropout: z.union([z.null(), z.literal(0)]).optional(),
    continuing_subword_prefix: nothing,
    end_of_word_suffix: nothing,
    ignore_merges: z.literal(false).optional(),
    vocab: z.custom<Record<string, unknown>>(isPlainObject, 'expected an object from token to id'),
    merges: z.array(z.unknown()).max(mostTokens),
  }),
})

type TokenizerFile = z.infer<typeof fileSchema>

/** Collects what is wrong; of a long list the first ones and the number. */
class Violations {
  readonly messages: string[] = []
  #count = 0

  add(message: string): void {
    if (this.#count++ < mostViolations) this.messages.push(message)
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  reject(subject: string): void {
    rejectViolations(subject, this.messages, 'Give a byte-level BPE tokenizer.json of the DeepSeek family.', this.#count)
  }
}

/**
 * Reads and checks a tokenizer.json.
 *
 * @param text    the file
 * @param subject what to call it in messages
 * @throws UsageError with all violations
 */
export function parseTokenizer(text: string, subject: string): TokenizerSpec {
  if (text.length > longestFile) throw usageError(subject, `at most ${longestFile} characters`, `${text.length}`, 'Is it a tokenizer.json?')
  const violations = new Violations()
  const parsed = fileSchema.safeParse(parseJson(text, subject))
  if (!parsed.success) {
    for (const issue of parsed.error.issues) violations.add(`${issue.path.join('.') || 'the file'}: ${describe(issue)}`)
    violations.reject(subject)
  }
  const file = parsed.data!
  const tokens = checkTokens(file, violations)
  const merges = checkMerges(file, violations)
  const patterns = checkPatterns(file, violations)
  violations.reject(subject)
  const addedTokens = file.added_tokens.map(({ id, content, special = false, normalized = !special }) => {
    return { id, content, isSpecial: special, isNormalized: normalized }
  })
  return { tokens, merges, addedTokens, patterns }
}

function parseJson(text: string, subject: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw usageError(subject, 'JSON', `something else (${reason})`, 'The file may be cut off: fetch it again.', error)
  }
}

/** A token in a message, not longer than a line. */
function quote(token: string): string {
  return JSON.stringify(token.length > 80 ? `${token.slice(0, 80)}…` : token)
}

/** What zod has to say, with the reasons of all branches of a union. */
function describe(issue: z.core.$ZodIssue): string {
  const plain = (message: string) => message.replace('Invalid input: ', '')
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return plain(issue.message)
  const branches = issue.errors.map((issues) => issues.map(({ path, message }) => [...path, plain(message)].join(' ')).join(', '))
  return [...new Set(branches)].join(' or ')
}

/** Ids are 0 to n - 1, each with one token; ordinary tokens are spelled in the byte alphabet, all bytes are there. */
function checkTokens(file: TokenizerFile, violations: Violations): string[] {
  const vocab = Object.entries(file.model.vocab)
  const idCount = new Set([...vocab.map(([, id]) => id), ...file.added_tokens.map(({ id }) => id)]).size
  if (idCount > mostTokens) violations.add(`model.vocab: expected at most ${mostTokens} ids, got ${idCount}`)
  const tokens: string[] = Array.from({ length: Math.min(idCount, mostTokens) }, () => '')
  /** Gives an id to a token, or says why it cannot have it. */
  const claim = (id: unknown, token: string): string | undefined => {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= tokens.length) {
      return `expected an id from 0 to ${tokens.length - 1} (ids have no gaps), got ${JSON.stringify(id)}`
    }
    const holder = tokens[id as number]
    if (holder !== '' && holder !== token) return `id ${id as number} is also the id of ${quote(holder)}`
    tokens[id as number] = token
    return undefined
  }
  const addedContents = new Set<string>()
  for (const [i, { id, content }] of file.added_tokens.entries()) {
    const listed = Object.hasOwn(file.model.vocab, content) ? file.model.vocab[content] : id
    const reasons = [
      addedContents.has(content) && `${quote(content)} is there twice`,
      !content.isWellFormed() && `half a surrogate pair in ${quote(content)}`,
      listed !== id && `${quote(content)} has id ${id} here and ${JSON.stringify(listed)} in model.vocab`,
      claim(id, content),
    ]
    for (const reason of reasons) if (reason) violations.add(`added_tokens.${i}: ${reason}`)
    addedContents.add(content)
  }
  for (const [token, id] of vocab) {
    const isSpelled = token !== '' && (addedContents.has(token) || bytesOfSpelling(token) !== undefined)
    const reason = isSpelled ? claim(id, token) : 'expected characters that stand for bytes, at least one'
    if (reason) violations.add(`model.vocab ${quote(token)}: ${reason}`)
  }
  const missing = characterOfByte.flatMap((character, byte) => (Object.hasOwn(file.model.vocab, character) ? [] : [byte]))
  if (missing.length > 0)
    violations.add(
      `model.vocab: expected tokens for all 256 bytes, got none for ${missing.slice(0, 8).join(', ')}${missing.length > 8 ? ', …' : ''}`,
    )
  for (const token of [specialTokens.bos, specialTokens.eos])
    if (!addedContents.has(token)) violations.add(`added_tokens: expected ${token}, got none`)
  return tokens
}

/** Both sides and the result of a merge are ordinary tokens, and no pair is merged twice. */
function checkMerges(file: TokenizerFile, violations: Violations): MergeTriples {
  const vocab = new Map(Object.entries(file.model.vocab))
  for (const { content } of file.added_tokens) vocab.delete(content)
  const merges = new Int32Array(3 * file.model.merges.length)
  const seen = new Set<number>()
  for (const [rank, merge] of file.model.merges.entries()) {
    const pair = typeof merge === 'string' ? merge.split(' ') : merge
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((side) => typeof side === 'string')) {
      violations.add(`model.merges.${rank}: expected "left right" or ["left", "right"]`)
      continue
    }
    const ids = [pair[0], pair[1], pair[0] + pair[1]].map((token) => vocab.get(token))
    const stranger = ids.findIndex((id) => typeof id !== 'number')
    if (stranger >= 0) {
      const name = [pair[0], pair[1], pair[0] + pair[1]][stranger]
      violations.add(`model.merges.${rank}: ${quote(name)} is not an ordinary token of model.vocab`)
      continue
    }
    const [left, right] = ids as number[]
    const key = left * mostTokens + right
    if (seen.has(key)) violations.add(`model.merges.${rank}: the pair ${JSON.stringify(pair)} is there twice`)
    seen.add(key)
    merges.set(ids as number[], 3 * rank)
  }
  return merges
}

/** All pre-tokenizers but the last are patterns; the last one turns text to bytes. */
function checkPatterns(file: TokenizerFile, violations: Violations): string[] {
  const steps = file.pre_tokenizer.pretokenizers
  const patterns: string[] = []
  for (const [i, step] of steps.entries()) {
    const where = `pre_tokenizer.pretokenizers.${i}`
    const isLast = i === steps.length - 1
    if ((step.type === 'ByteLevel') !== isLast)
      violations.add(`${where}: expected ByteLevel as the last step and only there, got ${step.type}`)
    if (step.type === 'ByteLevel') continue
    const pattern = step.type === 'Digits' ? (step.individual_digits ? '\\p{N}' : '\\p{N}+') : patternOf(step.pattern)
    const compiled = compilePattern(pattern)
    if ('reason' in compiled) violations.add(`${where}: cannot be used: ${compiled.reason}`)
    patterns.push(pattern)
  }
  return patterns
}

function patternOf(pattern: { Regex: string } | { String: string }): string {
  return 'Regex' in pattern ? pattern.Regex : pattern.String.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

/**
 * Writes a tokenizer.json; reading it gives the same tokenizer.
 *
 * @param spec what to write
 */
export function formatTokenizer({ tokens, merges, addedTokens, patterns }: TokenizerSpec): string {
  const addedIds = new Set(addedTokens.map(({ id }) => id))
  // Added tokens at the end are not in the model's vocabulary, those in front are: its ids have no gaps either.
  const modelTokens = tokens.slice(0, tokens.findLastIndex((_, id) => !addedIds.has(id)) + 1)
  const file = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens.map(({ id, content, isSpecial, isNormalized }) => {
      return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: isNormalized, special: isSpecial }
    }),
    normalizer: { type: 'Sequence', normalizers: [] },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        ...patterns.map((pattern) => ({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false })),
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(modelTokens.map((token, id) => [token, id])),
      merges: Array.from({ length: merges.length / 3 }, (_, rank) => `${tokens[merges[3 * rank]]} ${tokens[merges[3 * rank + 1]]}`),
    },
  }
  return JSON.stringify(file, null, 2)
}
