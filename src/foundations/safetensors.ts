/**
 * The safetensors format: what its header may say, and the check that it says nothing else.
 *
 *   ┌─────────────┬───────────────────────────┬──────────────────────────────────────┐
 *   │ n, 8 bytes  │ JSON header, n bytes      │ tensors, back to back, little-endian │
 *   └─────────────┴───────────────────────────┴──────────────────────────────────────┘
 *
 * A header comes from outside: lengths, names, dtypes, shapes, offsets, overlaps and holes are all checked before a byte
 * of a tensor is read or allocated. Reading is in `safetensors-reader.ts`, writing in `safetensors-writer.ts`.
 * Source: the format's specification, published with the `safetensors` library.
 */
import { rejectViolations, usageError } from '../base/errors.ts'

/** Bytes of one element of each dtype. */
export const safetensorsDtypeBytes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const

export type SafetensorsDtype = keyof typeof safetensorsDtypeBytes

/** One tensor of a file. */
export interface TensorEntry {
  readonly name: string
  readonly dtype: SafetensorsDtype
  readonly shape: readonly number[]
  /** Product of the shape; 1 for a scalar. */
  readonly elementCount: number
  /** From the start of the file, in bytes. */
  readonly byteOffset: number
  readonly byteLength: number
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>
  /** The file's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>
}

/** Bytes of the length at the start of a file. */
export const headerLengthBytes = 8

/** The longest header that any reader of the format accepts, in bytes. */
export const maxHeaderBytes = 100_000_000

/** A hostile header can hold a million mistakes: after so many nobody looks for more. */
const mostLookedFor = 100

/**
 * The length that the first 8 bytes of a file announce.
 *
 * @param subject    the file
 * @param lead       its first bytes, 8 or fewer
 * @param fileLength bytes of the whole file
 * @returns n, in bytes
 * @throws UsageError when a header of that length cannot be there
 */
export function parseHeaderLength(subject: string, lead: Uint8Array, fileLength: number): number {
  if (lead.length < headerLengthBytes) throw usageError(subject, 'a safetensors file', `${lead.length} bytes`, restoreHint)
  const length = new DataView(lead.buffer, lead.byteOffset, headerLengthBytes).getBigUint64(0, true)
  const room = Math.min(maxHeaderBytes, fileLength - headerLengthBytes)
  if (length < 2n || length > BigInt(room)) {
    throw usageError(subject, `a header of 2 to ${room} bytes`, `${length}`, restoreHint)
  }
  return Number(length)
}

const restoreHint = 'The file is not safetensors, or it is truncated: fetch or write it again.'

/**
 * Reads and checks a header.
 *
 * @param subject    the file
 * @param header     the n bytes after the length
 * @param fileLength bytes of the whole file
 * @throws UsageError naming the violations
 */
export function parseHeader(subject: string, header: Uint8Array, fileLength: number): SafetensorsHeader {
  const json = parseJson(subject, header)
  const dataStart = headerLengthBytes + header.length
  const violations: string[] = []
  const tensors = new Map<string, TensorEntry>()
  let metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(json)) {
    if (violations.length >= mostLookedFor) break
    if (name === '__metadata__') {
      if (isStringRecord(value)) metadata = value
      else violations.push('__metadata__: expected an object of strings')
      continue
    }
    const found = parseEntry(name, value, dataStart, fileLength)
    if (typeof found === 'string') violations.push(found)
    else tensors.set(name, found)
  }
  if (violations.length === 0) violations.push(...layoutViolations([...tensors.values()], dataStart, fileLength))
  rejectViolations(subject, violations, restoreHint)
  return { tensors, metadata }
}

function parseJson(subject: string, header: Uint8Array): Record<string, unknown> {
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header)
    value = JSON.parse(text)
  } catch (cause) {
    throw usageError(subject, 'a header of JSON in UTF-8', String((cause as Error).message), restoreHint, cause)
  }
  if (!isRecord(value) || !text.startsWith('{'))
    throw usageError(subject, 'a JSON object at the start of the header', text.slice(0, 20), restoreHint)
  if (countColons(text) !== countKeys(value)) throw usageError(subject, 'every key of the header once', 'a key twice', restoreHint)
  return value
}

/** Colons outside strings: one for each key that was written. */
function countColons(text: string): number {
  let count = 0
  let isInString = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 0x22) isInString = !isInString
    else if (unit === 0x5c) i++
    else if (unit === 0x3a && !isInString) count++
  }
  return count
}

/** Keys that are left after parsing, objects within objects included. Fewer than colons when one was written twice. */
function countKeys(value: object): number {
  let count = 0
  const pending: object[] = [value]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (!Array.isArray(next)) count += Object.keys(next).length
    for (const inner of Object.values(next)) if (typeof inner === 'object' && inner !== null) pending.push(inner)
  }
  return count
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((entry) => typeof entry === 'string')
}

/** Control characters and unpaired surrogates cannot be part of a name that anybody prints or compares. */
export function isTensorName(name: string): boolean {
  if (name.length === 0 || !name.isWellFormed()) return false
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) < 0x20 || name.charCodeAt(i) === 0x7f) return false
  return true
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** One entry of the header, or what is wrong with it. */
function parseEntry(name: string, value: unknown, dataStart: number, fileLength: number): TensorEntry | string {
  const label = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
  if (!isTensorName(name)) return `${label}: expected a name without control characters`
  if (!isRecord(value)) return `${label}: expected an object`
  const { dtype, shape, data_offsets: offsets, ...others } = value
  const unknown = Object.keys(others)
  if (unknown.length > 0) return `${label}: expected dtype, shape and data_offsets only, got also ${unknown[0].slice(0, 80)}`
  if (typeof dtype !== 'string' || !Object.hasOwn(safetensorsDtypeBytes, dtype)) {
    return `${label}: expected a dtype of ${Object.keys(safetensorsDtypeBytes).join(', ')}, got ${typeof dtype === 'string' ? dtype.slice(0, 40) : typeof dtype}`
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) return `${label}: expected a shape of whole numbers`
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    return `${label}: expected data_offsets of two whole numbers`
  const [begin, end] = offsets as [number, number]
  if (begin > end || end > fileLength - dataStart) {
    return `${label}: expected data_offsets in order and within ${fileLength - dataStart} bytes, got ${begin} and ${end}`
  }
  const elementBytes = safetensorsDtypeBytes[dtype as SafetensorsDtype]
  // Doubles lose digits above 2^53 but never turn a product that is too large into one that fits.
  const elementCount = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1)
  if (elementCount * elementBytes !== end - begin) {
    return `${label}: expected ${elementCount * elementBytes} bytes for ${dtype} [${shape.slice(0, 8).join(', ')}], got ${end - begin}`
  }
  return {
    name,
    dtype: dtype as SafetensorsDtype,
    shape: shape,
    elementCount,
    byteOffset: dataStart + begin,
    byteLength: end - begin,
  }
}

/** The tensors must cover the rest of the file, each byte once. */
function layoutViolations(tensors: TensorEntry[], dataStart: number, fileLength: number): string[] {
  const violations: string[] = []
  let position = dataStart
  tensors.sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength)
  for (const { name, byteOffset, byteLength } of tensors) {
    if (violations.length >= mostLookedFor) return violations
    if (byteOffset !== position) {
      const problem = byteOffset < position ? 'overlaps the tensor before it' : `leaves a hole of ${byteOffset - position} bytes before it`
      violations.push(
        `${JSON.stringify(name)}: expected to begin at byte ${position - dataStart} of the data, got ${byteOffset - dataStart}: it ${problem}`,
      )
    }
    position = Math.max(position, byteOffset + byteLength)
  }
  if (position !== fileLength) violations.push(`data: expected to end with the file at byte ${fileLength}, got ${position}`)
  return violations
}
