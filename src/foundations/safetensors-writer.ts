/**
 * Writes safetensors: a header, then each tensor straight from where it lies, for example the shared heap.
 *
 * Tensors of wide elements come first and the header is padded to 8 bytes, so every tensor is aligned for its type; among
 * equals the caller's order is kept. Equal input gives equal bytes. Source: the format's specification.
 */
import { InvariantError, rejectViolations } from '../base/errors.ts'
import { headerLengthBytes, isTensorName, maxHeaderBytes, type SafetensorsDtype, safetensorsDtypeBytes } from './safetensors.ts'
import { writeFileWhole } from './safetensors-storage.ts'

type TensorData =
  | Float64Array
  | Float32Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | BigInt64Array
  | BigUint64Array

/** One tensor to write. */
export interface TensorToWrite {
  readonly name: string
  readonly shape: readonly number[]
  /** As many elements as the shape has. */
  readonly data: TensorData
  /** How the elements are to be read, where the array does not say: BF16 and F16 in a Uint16Array, F8 and BOOL in a Uint8Array. */
  readonly dtype?: SafetensorsDtype
}

/** The dtype that an array stands for. */
function dtypeOf(data: TensorData): SafetensorsDtype {
  if (data instanceof Float32Array) return 'F32'
  if (data instanceof Float64Array) return 'F64'
  if (data instanceof Int32Array) return 'I32'
  if (data instanceof Int16Array) return 'I16'
  if (data instanceof Int8Array) return 'I8'
  if (data instanceof Uint32Array) return 'U32'
  if (data instanceof Uint16Array) return 'U16'
  if (data instanceof Uint8Array) return 'U8'
  if (data instanceof BigInt64Array) return 'I64'
  if (data instanceof BigUint64Array) return 'U64'
  throw new InvariantError(`tensor: expected a typed array, got ${typeof data}`)
}

interface PlannedTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: SafetensorsDtype
  readonly bytes: Uint8Array
}

function plan(subject: string, tensors: readonly TensorToWrite[]): PlannedTensor[] {
  const violations: string[] = []
  const names = new Set<string>()
  const planned = tensors.map(({ name, shape, data, dtype = dtypeOf(data) }) => {
    const elementCount = shape.reduce((product, size) => product * size, 1)
    if (name === '__metadata__' || !isTensorName(name) || names.has(name))
      violations.push(`${JSON.stringify(name)}: expected a name of its own without control characters`)
    if (safetensorsDtypeBytes[dtype] !== data.BYTES_PER_ELEMENT) {
      violations.push(`${name}: expected elements of ${safetensorsDtypeBytes[dtype]} bytes for ${dtype}, got ${data.BYTES_PER_ELEMENT}`)
    }
    if (elementCount !== data.length)
      violations.push(`${name}: expected ${elementCount} elements for [${shape.join(', ')}], got ${data.length}`)
    names.add(name)
    return { name, shape, dtype, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }
  })
  rejectViolations(subject, violations)
  return planned.sort((a, b) => safetensorsDtypeBytes[b.dtype] - safetensorsDtypeBytes[a.dtype])
}

function headerBytes(subject: string, tensors: readonly PlannedTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : []
  let offset = 0
  for (const { name, dtype, shape, bytes } of tensors) {
    entries.push([name, { dtype, shape, data_offsets: [offset, offset + bytes.length] }])
    offset += bytes.length
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  const length = Math.ceil(json.length / 8) * 8
  rejectViolations(
    subject,
    length > maxHeaderBytes ? [`header: expected at most ${maxHeaderBytes} bytes, got ${length}`] : [],
    'Split the tensors over files.',
  )
  const header = new Uint8Array(headerLengthBytes + length).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true)
  header.set(json, headerLengthBytes)
  return header
}

/**
 * The parts of a file in order: the header, then each tensor's own bytes, not copied.
 *
 * @param tensors  what the file holds; names differ
 * @param metadata strings for `__metadata__`
 * @param subject  what messages call it
 * @throws UsageError naming every tensor that does not fit its shape or dtype
 */
export function safetensorsParts(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
  subject = 'safetensors',
): Uint8Array[] {
  const planned = plan(subject, tensors)
  return [headerBytes(subject, planned, metadata), ...planned.map(({ bytes }) => bytes)]
}

/**
 * Writes a file whole or not at all.
 *
 * @param path     where it will be; its folder must exist
 * @param tensors  what it holds; names differ
 * @param metadata strings for `__metadata__`; `{ format: 'pt' }` is what `transformers` looks for
 * @throws UsageError as `safetensorsParts`, or when the system refuses (a full disk); then nothing is left behind
 */
export function writeSafetensors(path: string, tensors: readonly TensorToWrite[], metadata: Readonly<Record<string, string>> = {}): void {
  writeFileWhole(path, safetensorsParts(tensors, metadata, path))
}
