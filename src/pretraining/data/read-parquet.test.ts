/**
 * Reads files that the smallest Parquet writer makes: one required text column, PLAIN, uncompressed.
 *
 * Layout: "PAR1", a page header and page for each row group, the footer in Thrift's compact protocol, its length, "PAR1".
 * Field numbers are those of parquet.thrift.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../base/errors.ts'
import { readParquet } from './read-parquet.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'strata-parquet-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const structType = 12
const listType = 9
const binaryType = 8
const i64Type = 6
const i32Type = 5

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = BigInt(value)
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return [...bytes, Number(rest)]
}

/** A field: [number, type, encoded value]. */
type Field = readonly [number, number, readonly number[]]

const text = (value: string): number[] => {
  const bytes = new TextEncoder().encode(value)
  return [...varint(bytes.length), ...bytes]
}
const integer = (value: number): number[] => varint(value * 2)
const list = (type: number, items: readonly (readonly number[])[]): number[] => [(items.length << 4) | type, ...items.flat()]

function struct(fields: readonly Field[]): number[] {
  let last = 0
  const bytes = fields.flatMap(([number, type, value]) => {
    const head = ((number - last) << 4) | type
    last = number
    return [head, ...value]
  })
  return [...bytes, 0]
}

/** A file with the rows of each group in `column`; the claims replace what the footer says of each group. */
function parquetOf(
  column: string,
  groups: readonly (readonly string[])[],
  claims: { readonly claimedRows?: number; readonly claimedBytes?: number } = {},
): Uint8Array {
  const magic = [...new TextEncoder().encode('PAR1')]
  const file = [...magic]
  const rowGroups = groups.map((rows) => {
    const values = rows.flatMap((row) => {
      const bytes = new TextEncoder().encode(row)
      return [...new Uint8Array(Uint32Array.of(bytes.length).buffer), ...bytes]
    })
    const dataPage = struct(
      [1, 2, 3, 4].map((number) => [number, i32Type, integer(number === 1 ? rows.length : number === 2 ? 0 : 3)] as const),
    )
    const offset = file.length
    file.push(
      ...struct([
        [1, i32Type, integer(0)],
        [2, i32Type, integer(values.length)],
        [3, i32Type, integer(values.length)],
        [5, structType, dataPage],
      ]),
      ...values,
    )
    const size = file.length - offset
    const metadata = struct([
      [1, i32Type, integer(6)],
      [2, listType, list(i32Type, [integer(0)])],
      [3, listType, list(binaryType, [text(column)])],
      [4, i32Type, integer(0)],
      [5, i64Type, integer(rows.length)],
      [6, i64Type, integer(claims.claimedBytes ?? size)],
      [7, i64Type, integer(size)],
      [9, i64Type, integer(offset)],
    ])
    const chunk = struct([
      [2, i64Type, integer(offset)],
      [3, structType, metadata],
    ])
    return struct([
      [1, listType, list(structType, [chunk])],
      [2, i64Type, integer(size)],
      [3, i64Type, integer(claims.claimedRows ?? rows.length)],
    ])
  })
  const root = struct([
    [4, binaryType, text('schema')],
    [5, i32Type, integer(1)],
  ])
  const leaf = struct([
    [1, i32Type, integer(6)],
    [3, i32Type, integer(0)],
    [4, binaryType, text(column)],
    [6, i32Type, integer(0)],
  ])
  const rowCount = groups.reduce((sum, rows) => sum + rows.length, 0)
  const footer = struct([
    [1, i32Type, integer(1)],
    [2, listType, list(structType, [root, leaf])],
    [3, i64Type, integer(rowCount)],
    [4, listType, list(structType, rowGroups)],
  ])
  file.push(...footer, ...new Uint8Array(Uint32Array.of(footer.length).buffer), ...magic)
  return Uint8Array.from(file)
}

function read(bytes: Uint8Array): Promise<string[]> {
  const file = path.join(folder, 'rows.parquet')
  writeFileSync(file, bytes)
  return readParquet(file)
}

test('the text column is read, over several row groups', async () => {
  assert.deepEqual(
    await read(
      parquetOf('text', [
        ['one', 'zwei', '三'],
        ['', 'four'],
      ]),
    ),
    ['one', 'zwei', '三', 'four'],
  )
})

test('other columns, truncation and claims beyond the file are refused', async () => {
  const good = parquetOf('text', [['one', 'two']])
  await assert.rejects(read(parquetOf('body', [['one']])), /expected a column called text or messages, got body/)
  await assert.rejects(read(good.subarray(0, 20)), /expected a Parquet file/)
  await assert.rejects(read(good.subarray(0, good.length - 8)), UsageError)
  await assert.rejects(read(new Uint8Array(0)), UsageError)
  await assert.rejects(read(parquetOf('text', [['one']], { claimedRows: 2 ** 40 })), /rows in a row group/)
  await assert.rejects(read(parquetOf('text', [['one']], { claimedBytes: 2 ** 40 })), /at most \d+ bytes/)
})

test('damage anywhere gives documents or a usage error, never another failure', async () => {
  const good = parquetOf('text', [
    ['one', 'two', 'three'],
    ['four', 'five'],
  ])
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), async (position, value) => {
      const bytes = good.slice()
      bytes[position] = value
      await read(bytes).catch((error: unknown) => assert.ok(error instanceof UsageError, `${error}`))
    }),
    { numRuns: 500 },
  )
})
