import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../base/errors.ts'
import { isTensorName } from './safetensors.ts'
import { openSafetensors } from './safetensors-reader.ts'
import { type ByteSource, memorySource } from './safetensors-storage.ts'
import { safetensorsParts } from './safetensors-writer.ts'

/** A file made by hand: header text, then `dataLength` bytes. */
function fileOf(header: string, dataLength: number, announcedLength?: number): Uint8Array {
  const text = new TextEncoder().encode(header)
  const file = new Uint8Array(8 + text.length + dataLength)
  new DataView(file.buffer).setBigUint64(0, BigInt(announcedLength ?? text.length), true)
  file.set(text, 8)
  return file
}

const opened = (file: Uint8Array) => openSafetensors(memorySource(file, 'm.safetensors'))
const entry = (dtype: unknown, shape: unknown, offsets: unknown) => ({ dtype, shape, data_offsets: offsets })

const rejected: readonly [string, Uint8Array, RegExp][] = [
  ['an empty file', new Uint8Array(0), /expected a safetensors file, got 0 bytes/],
  ['a header longer than the file', fileOf('{}', 0, 99), /header of 2 to 2 bytes, got 99/],
  ['a header beyond 2^53', fileOf('{}', 0, 2 ** 63), /got 9223372036854775808/],
  ['no JSON', fileOf('{"a"', 0), /header of JSON in UTF-8/],
  ['an array', fileOf('[]', 0), /a JSON object/],
  ['spaces before the header', fileOf(' {}', 0), /a JSON object at the start/],
  [
    'a key twice',
    fileOf('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
    /every key of the header once/,
  ],
  ['metadata of numbers', fileOf('{"__metadata__":{"a":1}}', 0), /__metadata__: expected an object of strings/],
  ['an unknown dtype', fileOf(JSON.stringify({ a: entry('F7', [1], [0, 1]) }), 1), /"a": expected a dtype of F64, .*got F7/],
  ['a negative size', fileOf(JSON.stringify({ a: entry('U8', [-1], [0, 1]) }), 1), /shape of whole numbers/],
  [
    'a product that overflows',
    fileOf(JSON.stringify({ a: entry('U8', [2 ** 32, 2 ** 32], [0, 0]) }), 0),
    /expected 18446744073709552000 bytes/,
  ],
  ['offsets outside the file', fileOf(JSON.stringify({ a: entry('U8', [2], [0, 2]) }), 1), /within 1 bytes, got 0 and 2/],
  ['offsets in the wrong order', fileOf(JSON.stringify({ a: entry('U8', [1], [1, 0]) }), 1), /in order/],
  [
    'a size that is not shape x dtype',
    fileOf(JSON.stringify({ a: entry('F32', [1], [0, 2]) }), 2),
    /expected 4 bytes for F32 \[1\], got 2/,
  ],
  ['an overlap', fileOf(JSON.stringify({ a: entry('U8', [2], [0, 2]), b: entry('U8', [2], [1, 3]) }), 3), /"b": .*overlaps/],
  ['a hole', fileOf(JSON.stringify({ a: entry('U8', [1], [0, 1]), b: entry('U8', [1], [2, 3]) }), 3), /"b": .*hole of 1 bytes/],
  ['bytes after the last tensor', fileOf(JSON.stringify({ a: entry('U8', [1], [0, 1]) }), 2), /end with the file/],
  ['a key that nobody knows', fileOf(JSON.stringify({ a: { ...entry('U8', [1], [0, 1]), strides: [1] } }), 1), /got also strides/],
  ['a name with a control character', fileOf(JSON.stringify({ 'a\n': entry('U8', [1], [0, 1]) }), 1), /without control characters/],
  [
    'a dtype a million lists deep',
    fileOf(`{"a":{"dtype":${'['.repeat(1e5)}${']'.repeat(1e5)},"shape":[],"data_offsets":[0,0]}}`, 0),
    /got object/,
  ],
]
for (const [what, file, message] of rejected) {
  test(`rejected: ${what}`, () => {
    assert.throws(
      () => opened(file),
      (error) => error instanceof UsageError && message.test(error.message) && error.message.startsWith('m.safetensors'),
    )
  })
}

test('bytes that are not UTF-8 are rejected', () => {
  const file = fileOf('{"aa":1}', 0)
  file[10] = 0xff
  assert.throws(() => opened(file), /JSON in UTF-8/)
})

test('every mistake of a header is told, up to twenty', () => {
  const bad = (count: number) => fileOf(JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, 0]))), 0)
  assert.throws(() => opened(bad(3)), /3 things are wrong/)
  assert.throws(() => opened(bad(1000)), /100 things are wrong[^]*and 80 more/)
})

test('empty tensors and scalars are tensors', () => {
  const file = fileOf(JSON.stringify({ none: entry('F32', [0, 7], [0, 0]), one: entry('F32', [], [0, 4]) }), 4)
  assert.equal(opened(file).readFloat32('none').length, 0)
  assert.deepEqual([...opened(file).readFloat32('one')], [0])
})

const name = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => isTensorName(text) && text !== '__metadata__')
const tensorData = fc.oneof(
  fc.float32Array({ maxLength: 20 }),
  fc.float64Array({ maxLength: 5 }),
  fc.uint8Array({ maxLength: 9 }),
  fc.int16Array({ maxLength: 9 }),
  fc.int32Array({ maxLength: 9 }),
)

/** Files of random tensors, as our writer makes them. */
const files = fc.dictionary(name, tensorData, { maxKeys: 6, noNullPrototype: true }).map((byName) => {
  const tensors = Object.entries(byName).map(([name, data]) => ({ name, data, shape: [data.length] }))
  return { byName, bytes: new Uint8Array(Buffer.concat(safetensorsParts(tensors, { a: 'b' }))) }
})

test('what was written is what is read, for any names and types', () => {
  fc.assert(
    fc.property(files, ({ byName, bytes }) => {
      const file = opened(bytes)
      assert.deepEqual(file.metadata, { a: 'b' })
      assert.equal(file.tensors.size, Object.keys(byName).length)
      for (const [name, data] of Object.entries(byName)) {
        assert.deepEqual(file.readBytes(name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
        assert.equal(file.entry(name).byteOffset % data.BYTES_PER_ELEMENT, 0, 'aligned')
      }
    }),
    { numRuns: 300 },
  )
})

/** A source that fails the test when somebody asks for more than there is. */
function watched(bytes: Uint8Array): ByteSource {
  const inner = memorySource(bytes)
  return {
    ...inner,
    readInto(target, offset) {
      assert.ok(target.length <= bytes.length, `allocated ${target.length} bytes for a file of ${bytes.length}`)
      inner.readInto(target, offset)
    },
  }
}

/** Opens and reads everything; the only error allowed is the one for people. */
function survives(bytes: Uint8Array): void {
  try {
    const file = openSafetensors(watched(bytes))
    for (const [name, tensor] of file.tensors) {
      assert.ok(tensor.byteLength <= bytes.length)
      file.readBytes(name)
      if (/F/.test(tensor.dtype)) file.readFloat32(name)
    }
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error))
  }
}

test('a file with any bytes changed is read or refused, never more', () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(files, changes, fc.nat(), ({ bytes }, changes, cut) => {
      const changed = cut % 3 === 0 ? bytes.slice(0, cut % (bytes.length + 1)) : bytes.slice()
      for (const [place, value] of changes) if (changed.length > 0) changed[place % changed.length] = value
      survives(changed)
    }),
    { numRuns: 1500 },
  )
})

test('any JSON as a header is read or refused, never more', () => {
  const size = fc.oneof(fc.nat(8), fc.integer(), fc.double(), fc.constant(2 ** 53 - 1))
  const tensor = fc.record({
    dtype: fc.constantFrom('F32', 'BF16', 'F8_E4M3', 'U8', 'BOOL', 'nothing'),
    shape: fc.array(size, { maxLength: 4 }),
    data_offsets: fc.array(size, { minLength: 1, maxLength: 3 }),
  })
  const header = fc.oneof(
    fc.json(),
    fc.dictionary(fc.string(), fc.oneof(tensor, fc.jsonValue())).map((value) => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(header, fc.nat(64), (header, dataLength) => survives(fileOf(header, dataLength))),
    { numRuns: 1500 },
  )
})
