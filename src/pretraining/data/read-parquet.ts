/** Parquet files with a text column, or a column of messages: read one row group at a time. */
import type { AsyncBuffer, Compressors, FileMetaData } from 'hyparquet'
import { UsageError, usageError } from '../../base/errors.ts'
import { node } from '../../base/platform.ts'
import { cleanText } from './hygiene.ts'
import { openToRead } from './read-text.ts'
import { textColumns, textOfRecord } from './record-text.ts'

/** Uncompressed size of one column of one row group, and of one page: what is allocated at once. */
const mostColumnBytes = 2 ** 29

/** Rows of one row group: a column of nothing takes no bytes in the file but a slot for each row here. */
const mostRows = 2 ** 24

const hint = 'Write the file again, e.g. with smaller row groups, or give the text as JSON lines.'

/** Reads ranges of a file on demand; a range beyond the end is an error of the file, not of ours. */
function fileBuffer(file: string, handle: number): AsyncBuffer {
  const { fs } = node()
  const byteLength = fs.fstatSync(handle).size
  return {
    byteLength,
    slice: (start, end = byteLength) => {
      if (!(start >= 0 && start <= end && end <= byteLength))
        throw usageError(file, 'ranges inside the file', `bytes ${start} to ${end}`, hint)
      const bytes = new Uint8Array(end - start)
      fs.readSync(handle, bytes, 0, bytes.length, start)
      return bytes.buffer
    },
  }
}

/** The same decompressors, that refuse to make more than a column may hold. */
function bounded(file: string, compressors: Compressors): Compressors {
  return Object.fromEntries(
    Object.entries(compressors).map(([codec, decompress]) => [
      codec,
      (input: Uint8Array, outputLength: number) => {
        checkSize(file, outputLength)
        return decompress(input, outputLength)
      },
    ]),
  )
}

function checkSize(file: string, bytes: number): void {
  if (!(bytes >= 0 && bytes <= mostColumnBytes))
    throw usageError(file, `at most ${mostColumnBytes} bytes in a column of a row group`, `${bytes}`, hint)
}

/** The text column of the file, by the names that `textOfRecord` knows. */
function columnOf(file: string, metadata: FileMetaData): string {
  const root = metadata.schema[0]
  const names = new Set(metadata.row_groups.flatMap((group) => group.columns.map((column) => column.meta_data?.path_in_schema[0] ?? '')))
  const column = textColumns.find((name) => names.has(name))
  if (!root || column === undefined) {
    const found = [...names].slice(0, 20).join(', ') || 'none'
    throw usageError(file, `a column called ${textColumns.join(' or ')}`, found, 'Rename the column that holds the text.')
  }
  return column
}

/**
 * The documents of a Parquet file, one a row; rows with an empty text are left out.
 *
 * @throws UsageError when the file is damaged, has no text column, or would need more memory than a row group should
 */
export async function readParquet(file: string): Promise<string[]> {
  const { fs } = node()
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet')
  const { compressors } = await import('hyparquet-compressors')
  const handle = openToRead(file)
  try {
    const buffer = fileBuffer(file, handle)
    const metadata = await parquetMetadataAsync(buffer)
    const column = columnOf(file, metadata)
    const documents: string[] = []
    let rowStart = 0
    for (const group of metadata.row_groups) {
      for (const { meta_data } of group.columns) {
        if (meta_data?.path_in_schema[0] === column) checkSize(file, Number(meta_data.total_uncompressed_size))
      }
      const rowCount = Number(group.num_rows)
      if (!(rowCount >= 0 && rowCount <= mostRows)) throw usageError(file, `at most ${mostRows} rows in a row group`, `${rowCount}`, hint)
      const rowEnd = rowStart + rowCount
      const rows = await parquetReadObjects({
        file: buffer,
        metadata,
        columns: [column],
        rowStart,
        rowEnd,
        compressors: bounded(file, compressors),
      })
      for (const [index, row] of rows.entries()) {
        const text = textOfRecord(row)
        if (text === null && row[column] !== null)
          throw usageError(`${file} row ${rowStart + index}`, `${column} as text`, typeof row[column], hint)
        const cleaned = cleanText(text ?? '')
        if (cleaned !== '') documents.push(cleaned)
      }
      rowStart = rowEnd
    }
    return documents
  } catch (cause) {
    if (cause instanceof UsageError) throw cause
    throw usageError(file, 'a Parquet file', cause instanceof Error ? cause.message : String(cause), hint, cause)
  } finally {
    fs.closeSync(handle)
  }
}
