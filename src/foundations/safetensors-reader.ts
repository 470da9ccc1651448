/**
 * Reads safetensors: one file, or a folder with one file or many and an index.
 *
 * Headers are read and checked when a file is opened; tensors when they are asked for, in pieces, so a checkpoint is never
 * in memory as a whole. Source: the format's specification; the index is the Hugging Face convention for large models.
 */
import { rejectViolations, usageError } from '../base/errors.ts'
import { node } from '../base/platform.ts'
import { headerLengthBytes, parseHeader, parseHeaderLength, safetensorsDtypeBytes, type TensorEntry } from './safetensors.ts'
import { decodeFloats } from './safetensors-floats.ts'
import { type ByteSource, fileSource, readTextFile } from './safetensors-storage.ts'

/** Bytes that are decoded at a time; a multiple of every element's size. */
const pieceBytes = 1 << 22

/** An index of this many bytes would name about a million tensors. */
const maxIndexBytes = 100_000_000

/** Tensors by name, read when asked for. */
export interface TensorSource {
  /** What messages call it. */
  readonly subject: string
  readonly tensors: ReadonlyMap<string, TensorEntry>
  /** `__metadata__`; of a folder, that of all its files together. */
  readonly metadata: Readonly<Record<string, string>>
  /** The tensor called `name`. @throws UsageError when there is none */
  entry(name: string): TensorEntry
  /**
   * A tensor's numbers as f32, whatever float they are stored as.
   *
   * @param target where they go, for example a tensor's place in the shared heap; a new array unless given
   * @throws UsageError when there is no such tensor, it holds no floats, or `target` has another length
   */
  readFloat32(name: string, target?: Float32Array): Float32Array
  /** A tensor's bytes as they are stored. @param target of exactly that length; a new array unless given */
  readBytes(name: string, target?: Uint8Array): Uint8Array
  close(): void
}

/**
 * Opens one file.
 *
 * @param source its path, or bytes from elsewhere
 * @throws UsageError naming everything that is wrong with its header
 */
export function openSafetensors(source: string | ByteSource): TensorSource {
  const bytes = typeof source === 'string' ? fileSource(source) : source
  try {
    return fromSource(bytes)
  } catch (error) {
    bytes.close()
    throw error
  }
}

function fromSource(source: ByteSource): TensorSource {
  const { subject, byteLength } = source
  const lead = new Uint8Array(Math.min(headerLengthBytes, byteLength))
  source.readInto(lead, 0)
  const header = new Uint8Array(parseHeaderLength(subject, lead, byteLength))
  source.readInto(header, headerLengthBytes)
  const { tensors, metadata } = parseHeader(subject, header, byteLength)
  const entry = (name: string) => entryNamed(subject, tensors, name)
  return {
    subject,
    tensors,
    metadata,
    entry,
    readFloat32(name, target) {
      const tensor = entry(name)
      const numbers = target ?? new Float32Array(tensor.elementCount)
      if (numbers.length !== tensor.elementCount) {
        throw usageError(
          `${subject}: ${name}`,
          `${numbers.length} elements`,
          `${tensor.elementCount}`,
          'The file belongs to another configuration.',
        )
      }
      readPieces(source, tensor, numbers)
      return numbers
    },
    readBytes(name, target) {
      const tensor = entry(name)
      const bytes = target ?? new Uint8Array(tensor.byteLength)
      if (bytes.length !== tensor.byteLength) {
        throw usageError(
          `${subject}: ${name}`,
          `${bytes.length} bytes`,
          `${tensor.byteLength}`,
          'The file belongs to another configuration.',
        )
      }
      source.readInto(bytes, tensor.byteOffset)
      return bytes
    },
    close: () => source.close(),
  }
}

function entryNamed(subject: string, tensors: ReadonlyMap<string, TensorEntry>, name: string): TensorEntry {
  const found = tensors.get(name)
  if (found === undefined)
    throw usageError(subject, `a tensor called ${name}`, `${tensors.size} others`, 'The file belongs to another configuration.')
  return found
}

function readPieces(source: ByteSource, tensor: TensorEntry, numbers: Float32Array): void {
  if (tensor.dtype === 'F32') {
    source.readInto(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), tensor.byteOffset)
    return
  }
  const elementBytes = safetensorsDtypeBytes[tensor.dtype]
  const piece = new Uint8Array(Math.min(pieceBytes, tensor.byteLength))
  for (let done = 0; done < tensor.byteLength; done += piece.length) {
    const bytes = piece.subarray(0, Math.min(piece.length, tensor.byteLength - done))
    source.readInto(bytes, tensor.byteOffset + done)
    decodeFloats(tensor.dtype, bytes, numbers.subarray(done / elementBytes, (done + bytes.length) / elementBytes))
  }
}

/**
 * Opens a model's folder: `<stem>.safetensors`, or the shards that `<stem>.safetensors.index.json` names.
 *
 * @param folder where the files are
 * @param stem   how their names begin
 * @throws UsageError when files are missing, do not agree with the index, or are malformed
 */
export function openSafetensorsFolder(folder: string, stem = 'model'): TensorSource {
  const { fs, path } = node()
  const single = path.join(folder, `${stem}.safetensors`)
  const index = path.join(folder, `${stem}.safetensors.index.json`)
  if (fs.existsSync(single)) return openSafetensors(single)
  if (!fs.existsSync(index)) throw usageError(folder, `${stem}.safetensors or ${stem}.safetensors.index.json`, 'neither', 'Check the path.')
  const shardOfTensor = parseIndex(index, readTextFile(index, maxIndexBytes))
  const shards = new Map<string, TensorSource>()
  try {
    for (const file of new Set(shardOfTensor.values())) shards.set(file, openSafetensors(path.join(folder, file)))
    return fromShards(index, shardOfTensor, shards)
  } catch (error) {
    for (const shard of shards.values()) shard.close()
    throw error
  }
}

/**
 * The shard of each tensor, as an index file says it.
 *
 * @param subject the index file
 * @param text    its content
 * @throws UsageError when it is not an index, or names a file outside its own folder
 */
export function parseIndex(subject: string, text: string): Map<string, string> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw usageError(subject, 'JSON', (cause as Error).message, '', cause)
  }
  const shards = (value as { weight_map?: unknown } | null)?.weight_map
  if (typeof shards !== 'object' || shards === null || Array.isArray(shards))
    throw usageError(subject, 'an object called weight_map', 'none')
  const entries = Object.entries(shards as Record<string, unknown>)
  const isShardName = (file: unknown) => typeof file === 'string' && /^[^/\\:\0]+\.safetensors$/.test(file)
  const wrong = entries.filter(([, file]) => !isShardName(file)).slice(0, 20)
  rejectViolations(
    subject,
    wrong.map(
      ([name, file]) =>
        `${name.slice(0, 80)}: expected the name of a .safetensors file, got ${typeof file === 'string' ? file.slice(0, 80) : typeof file}`,
    ),
  )
  return new Map(entries as [string, string][])
}

function fromShards(subject: string, shardOfTensor: ReadonlyMap<string, string>, shards: ReadonlyMap<string, TensorSource>): TensorSource {
  const violations: string[] = []
  for (const [name, file] of shardOfTensor) {
    if (!shards.get(file)!.tensors.has(name)) violations.push(`${file}: expected the tensor ${name}, which the index puts there`)
  }
  for (const [file, shard] of shards) {
    for (const name of shard.tensors.keys()) {
      if (shardOfTensor.get(name) !== file) violations.push(`${file}: expected no tensor that the index does not put there, got ${name}`)
    }
  }
  rejectViolations(subject, violations, 'The index and its files do not belong together: fetch them again.')
  const shardOf = (name: string) => {
    const shard = shards.get(shardOfTensor.get(name) ?? '')
    if (shard === undefined)
      throw usageError(subject, `a tensor called ${name}`, `${shardOfTensor.size} others`, 'The files belong to another configuration.')
    return shard
  }
  return {
    subject,
    tensors: new Map([...shardOfTensor.keys()].map((name) => [name, shardOf(name).entry(name)])),
    metadata: Object.assign({}, ...[...shards.values()].map((shard) => shard.metadata)) as Record<string, string>,
    entry: (name) => shardOf(name).entry(name),
    readFloat32: (name, target) => shardOf(name).readFloat32(name, target),
    readBytes: (name, target) => shardOf(name).readBytes(name, target),
    close() {
      for (const shard of shards.values()) shard.close()
    },
  }
}
