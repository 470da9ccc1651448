import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeFloats } from './safetensors-floats.ts'

function decoded(dtype: Parameters<typeof decodeFloats>[0], bytes: Uint8Array, count: number): Float32Array {
  const target = new Float32Array(count)
  decodeFloats(dtype, bytes, target)
  return target
}

test('every F16 is what the engine says it is', () => {
  const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i)
  const expected = Float32Array.from(new Float16Array(bits.buffer))
  const values = decoded('F16', new Uint8Array(bits.buffer), bits.length)
  // One by one: two NaNs may differ in bits.
  assert.equal(
    values.findIndex((value, i) => !Object.is(value, expected[i])),
    -1,
  )
})

test('BF16 is the upper half of an f32, at any alignment', () => {
  const values = [0, -0, 1, -1.5, 3.140625, 2 ** -133, Infinity, -Infinity, Number.NaN]
  const bytes = new Uint8Array(1 + 2 * values.length)
  const view = new DataView(bytes.buffer)
  const f32 = new DataView(new ArrayBuffer(4))
  for (const [i, value] of values.entries()) {
    f32.setFloat32(0, value)
    view.setUint16(1 + 2 * i, f32.getUint16(0), true)
  }
  assert.deepEqual([...decoded('BF16', bytes.subarray(1), values.length)], values)
})

const all = Uint8Array.from({ length: 256 }, (_, i) => i)

test('F8_E4M3 reaches 448, has no infinity, and its smallest value is 2^-9', () => {
  const values = decoded('F8_E4M3', all, 256)
  assert.equal(values[0x7e], 448)
  assert.equal(values[0xfe], -448)
  assert.ok(Number.isNaN(values[0x7f]) && Number.isNaN(values[0xff]))
  assert.equal(values[1], 2 ** -9)
  assert.equal(values[8], 2 ** -6)
  assert.equal(values[0x38], 1)
  assert.ok(Object.is(values[0x80], -0))
  assert.equal(values.filter((value) => !Number.isFinite(value)).length, 2)
})

test('F8_E5M2 reaches 57344 and has infinities', () => {
  const values = decoded('F8_E5M2', all, 256)
  assert.equal(values[0x7b], 57_344)
  assert.equal(values[0x7c], Infinity)
  assert.equal(values[0xfc], -Infinity)
  assert.ok(Number.isNaN(values[0x7d]))
  assert.equal(values[1], 2 ** -16)
})

test('F8_E8M0 is a power of two', () => {
  const values = decoded('F8_E8M0', all, 256)
  assert.equal(values[127], 1)
  assert.equal(values[0], 2 ** -127)
  assert.equal(values[254], 2 ** 127)
  assert.ok(Number.isNaN(values[255]))
})

test('integers are not read as numbers of a model', () => {
  assert.throws(() => decoded('I32', new Uint8Array(4), 1), /expected floating-point numbers, got I32/)
})
