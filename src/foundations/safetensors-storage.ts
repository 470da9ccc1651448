/**
 * Where bytes come from and where they go: random access for reading, all or nothing for writing.
 *
 * A file is never loaded whole. A file that is being written does not exist under its name until it is complete: the bytes
 * go to a temporary file in the same folder, are synced, and the name is moved over.
 */
import { UsageError, usageError } from '../base/errors.ts'
import { node } from '../base/platform.ts'

/** Bytes that can be read from any place. */
export interface ByteSource {
  /** What messages call it. */
  readonly subject: string
  readonly byteLength: number
  /**
   * Fills `target` with the bytes from `offset`.
   *
   * @throws UsageError when there are fewer
   */
  readInto(target: Uint8Array, offset: number): void
  close(): void
}

/** A source in memory, for bytes that were fetched. */
export function memorySource(bytes: Uint8Array, subject = 'safetensors'): ByteSource {
  return {
    subject,
    byteLength: bytes.byteLength,
    readInto(target, offset) {
      if (offset + target.length > bytes.byteLength) throw tooShort(subject, offset + target.length, bytes.byteLength)
      target.set(bytes.subarray(offset, offset + target.length))
    },
    close() {},
  }
}

/**
 * A file of Node's file system; stays open until `close`.
 *
 * @throws UsageError when it cannot be opened or is not a file
 */
export function fileSource(path: string): ByteSource {
  const { fs } = node()
  let descriptor: number
  try {
    descriptor = fs.openSync(path, 'r')
  } catch (cause) {
    throw usageError(path, 'a file that can be read', systemReason(cause), 'Check the path.', cause)
  }
  const status = fs.fstatSync(descriptor)
  if (!status.isFile()) {
    fs.closeSync(descriptor)
    throw usageError(path, 'a file', 'something else', 'Check the path.')
  }
  return {
    subject: path,
    byteLength: status.size,
    readInto(target, offset) {
      let done = 0
      while (done < target.length) {
        const count = fs.readSync(descriptor, target, done, target.length - done, offset + done)
        if (count === 0) throw tooShort(path, offset + target.length, offset + done)
        done += count
      }
    },
    close: () => fs.closeSync(descriptor),
  }
}

/**
 * A text file as a whole.
 *
 * @param path     where it is
 * @param maxBytes more than any honest file of its kind has
 * @throws UsageError when it cannot be read, is longer, or is not UTF-8
 */
export function readTextFile(path: string, maxBytes: number): string {
  const source = fileSource(path)
  try {
    if (source.byteLength > maxBytes)
      throw usageError(path, `at most ${maxBytes} bytes`, `${source.byteLength}`, 'This is another kind of file.')
    const bytes = new Uint8Array(source.byteLength)
    source.readInto(bytes, 0)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw cause instanceof TypeError ? usageError(path, 'text in UTF-8', 'other bytes', 'Convert it to UTF-8.', cause) : cause
  } finally {
    source.close()
  }
}

function tooShort(subject: string, expectedBytes: number, gotBytes: number): UsageError {
  return usageError(
    subject,
    `at least ${expectedBytes} bytes`,
    `${gotBytes}`,
    'The file is truncated or changed while it was read: fetch or write it again.',
  )
}

/** What the system says about a failed call, in words where there are some. */
export function systemReason(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  const words: Record<string, string> = {
    ENOSPC: 'a full disk',
    EDQUOT: 'a full quota',
    EFBIG: 'a limit on the size of files',
    EROFS: 'a read-only disk',
    EACCES: 'no permission',
    EPERM: 'no permission',
    ENOENT: 'nothing there',
    ENOTDIR: 'a file where a folder should be',
    EISDIR: 'a folder',
    EMFILE: 'too many open files',
  }
  return (code && words[code]) ?? message
}

/** The largest piece handed to the system in one call, in bytes: its own limit is 2 GiB. */
const maxWriteBytes = 1 << 26

/**
 * Writes a file whole or not at all. An earlier file of that name stays until the new one is complete.
 *
 * @param path  where the file will be; its folder must exist
 * @param parts the bytes in order; made one at a time, so they need not exist together
 * @throws UsageError when the system refuses, a full disk included; nothing is left behind
 */
export function writeFileWhole(path: string, parts: Iterable<Uint8Array>): void {
  const { fs, path: paths, crypto } = node()
  const folder = paths.dirname(path)
  const temporary = paths.join(folder, `.${paths.basename(path)}.${crypto.randomUUID()}.partial`)
  let descriptor: number | undefined
  try {
    descriptor = fs.openSync(temporary, 'wx')
    for (const part of parts) {
      for (let done = 0; done < part.length;) done += fs.writeSync(descriptor, part, done, Math.min(maxWriteBytes, part.length - done))
    }
    fs.fsyncSync(descriptor)
    fs.closeSync(descriptor)
    descriptor = undefined
    fs.renameSync(temporary, path)
    syncFolder(folder)
  } catch (cause) {
    if (descriptor !== undefined) fs.closeSync(descriptor)
    fs.rmSync(temporary, { force: true })
    if (typeof (cause as NodeJS.ErrnoException).syscall !== 'string') throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw usageError(path, 'a folder to write it in', 'nothing there', 'Check the path, or make the folder.', cause)
    throw usageError(
      path,
      'room and permission to write',
      systemReason(cause),
      'Nothing was changed. Free some space or choose another folder.',
      cause,
    )
  }
}

/** Makes the new name itself durable, where the system can: the file is complete either way. */
export function syncFolder(folder: string): void {
  const { fs } = node()
  let descriptor: number | undefined
  try {
    descriptor = fs.openSync(folder, 'r')
    fs.fsyncSync(descriptor)
  } catch {
    // Windows and some network file systems have no such call.
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor)
  }
}
