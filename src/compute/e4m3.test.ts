import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { Random } from '../base/random.ts'
import { loadE4m3, roundInPlace, roundToE4m3, type Scaling, storeE4m3 } from './e4m3.ts'
import { Machine } from './machine.ts'
import { nearestE4m3, roundedE4m3 } from './reference/index.ts'
import { columns } from './tensor.ts'

/** The value of a code, from the format's definition. */
function valueOfCode(code: number): number {
  const [sign, exponent, mantissa] = [code >> 7 === 0 ? 1 : -1, (code >> 3) & 15, code & 7]
  if (exponent === 15 && mantissa === 7) return Number.NaN
  return sign * (exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7))
}

const codes = Array.from({ length: 256 }, (_, code) => code)
/** Finite values from the smallest code to the largest of one sign. */
const positive = Array.from({ length: 127 }, (_, code) => valueOfCode(code))

const scalings: Readonly<Record<string, Scaling>> = {
  'a tile of a row': { rows: 1, columns: 128 },
  'a tile of a column': { rows: 128, columns: 1 },
  'a block': { rows: 128, columns: 128 },
  'a small block': { rows: 3, columns: 5 },
  'a whole matrix': { rows: Infinity, columns: Infinity },
  'no scale': 'none',
}

const sizes = [
  [1, 1],
  [3, 5],
  [16, 64],
  [33, 131],
  [130, 7],
  [257, 129],
  [0, 4],
  [4, 0],
] as const

/** Numbers of very unequal size, zeros among them. */
const drawn = (count: number, seed: number) => {
  const rng = Random.seeded(seed).fork('e4m3')
  return Float32Array.from({ length: count }, () => (rng.below(20) === 0 ? 0 : rng.normal() * 10 ** (6 * rng.uniform() - 4)))
}

test('the twin keeps every number that has a code, and takes the nearest of any other, ties to the even code', () => {
  for (const code of codes) assert.ok(Object.is(nearestE4m3(valueOfCode(code)), valueOfCode(code)), `code ${code}`)
  positive.slice(0, -1).forEach((below, code) => {
    const above = positive[code + 1]
    const middle = (below + above) / 2
    assert.equal(nearestE4m3(middle), code % 2 === 0 ? below : above, `between codes ${code} and ${code + 1}`)
    assert.equal(nearestE4m3(middle - 2 ** -30), below)
    assert.equal(nearestE4m3(middle + 2 ** -30), above)
    assert.equal(nearestE4m3(-middle), -nearestE4m3(middle))
  })
  assert.deepEqual([449, 464, 1e9, Infinity, -Infinity].map(nearestE4m3), [448, 448, 448, 448, -448])
})

for (const dialect of ['relaxed', 'plain'] as const) {
  for (const threads of [1, 3]) {
    suite(`${dialect}, ${threads} threads`, () => {
      let machine: Machine
      before(async () => {
        machine = await Machine.start({ dialect, threads })
      })
      after(() => machine.close())

      const round = (values: readonly number[], scaling: Scaling) => {
        using _scope = machine.scope()
        return Array.from(roundToE4m3(machine.tensorOf(values, [1, values.length]), scaling).toArray())
      }

      test('all codes, the middles between them, their neighbours, and what is no ordinary number', () => {
        const middles = positive.slice(1).map((value, index) => (value + positive[index]) / 2)
        const near = middles.flatMap((middle) => [middle * (1 - 2 ** -23), middle, middle * (1 + 2 ** -23)])
        const odd = [0, -0, 2 ** -10, 2 ** -149, 1e-30, 460, 1e30, Infinity, -Infinity, Number.NaN]
        const values = [...codes.map(valueOfCode), ...near, ...near.map((value) => -value), ...odd].map(Math.fround)
        assert.deepEqual(round(values, 'none'), values.map(nearestE4m3))
        // A block whose largest is 448 has a scale of one.
        const finite = values.filter((value) => Math.abs(value) <= 448)
        assert.deepEqual(round([448, ...finite], scalings['a whole matrix']), [448, ...finite.map(nearestE4m3)])
      })

      test('NaN stays where it is, and what is infinite makes its block NaN', () => {
        const tile = { rows: 1, columns: 128 }
        const [one, three] = round([1, 3], tile)
        assert.deepEqual(round([1, Number.NaN, 3], tile), [one, Number.NaN, three])
        assert.ok(round([1, Infinity, 3], tile).every(Number.isNaN))
      })

      for (const [name, scaling] of Object.entries(scalings)) {
        test(`a scale for ${name}: the same numbers as the twin, from views and in place too`, () => {
          for (const [rows, width] of sizes) {
            using _scope = machine.scope()
            const values = drawn(rows * width, rows + width)
            const right = roundedE4m3(values, rows, scaling)
            const whole = machine.tensorOf(values, [rows, width])
            assert.deepEqual(Float64Array.from(roundToE4m3(whole, scaling).toArray()), right, `${rows} x ${width}`)
            assert.deepEqual(whole.toArray(), values)
            const wide = machine.tensorOf(new Float32Array(rows * (width + 3)).fill(1e9), [rows, width + 3])
            const view = columns(wide, 2, 2 + width)
            for (let r = 0; r < rows; r++) wide.data.set(values.subarray(r * width, (r + 1) * width), r * (width + 3) + 2)
            assert.deepEqual(Float64Array.from(roundToE4m3(view, scaling).toArray()), right, `view, ${rows} x ${width}`)
            roundInPlace(whole, scaling)
            assert.deepEqual(Float64Array.from(whole.toArray()), right, `in place, ${rows} x ${width}`)
          }
        })

        test(`a scale for ${name}: groups of rows, rows in another order, and stacks are rounded each by itself`, () => {
          using _scope = machine.scope()
          const [width, offsets] = [37, [0, 5, 5, 140, 141]]
          const values = drawn(150 * width, 3)
          const rng = Random.seeded(5).fork('rows')
          const from = Array.from({ length: offsets.at(-1)! }, () => rng.below(150))
          const gathered = Float32Array.from(from.flatMap((row) => Array.from(values.subarray(row * width, (row + 1) * width))))
          const right = offsets.slice(1).flatMap((end, group) => {
            const begin = offsets[group]
            return Array.from(roundedE4m3(gathered.subarray(begin * width, end * width), end - begin, scaling))
          })
          const rounded = roundToE4m3(machine.tensorOf(values, [150, width]), scaling, {
            from: machine.tensorOf(from, [from.length], 'i32'),
            offsets: machine.tensorOf(offsets, [offsets.length], 'i32'),
          })
          assert.deepEqual(Array.from(rounded.toArray()), right)
          const stack = machine.tensorOf(values, [3, 50, width])
          const parts = [0, 1, 2].flatMap((e) =>
            Array.from(roundedE4m3(values.subarray(e * 50 * width, (e + 1) * 50 * width), 50, scaling)),
          )
          assert.deepEqual(Array.from(roundToE4m3(stack, scaling).toArray()), parts)
          roundInPlace(stack, scaling)
          assert.deepEqual(Array.from(stack.toArray()), parts)
        })
      }

      test('what is stored and read back is what rounding by tiles of a row gives, in a quarter of the bytes and the scales', () => {
        for (const [rows, width] of sizes) {
          using _scope = machine.scope()
          const values = drawn(rows * width, rows + width)
          const x_MD = machine.tensorOf(values, [rows, width])
          const stored = storeE4m3(x_MD)
          assert.equal(stored.bytes, rows * width + 4 * rows * Math.ceil(width / 128))
          const right = roundToE4m3(x_MD, { rows: 1, columns: 128 }).toArray()
          assert.deepEqual(loadE4m3(x_MD, stored).toArray(), right, `${rows} x ${width}`)
        }
      })

      test('every code is stored as itself', () => {
        using _scope = machine.scope()
        // 448 leads each row, so its scale is one.
        const values = codes.flatMap((code) => [448, valueOfCode(code)])
        const { codes: address } = storeE4m3(machine.tensorOf(values, [256, 2]))
        const bytes = new Uint8Array(machine.heap.memory.buffer, address, 512)
        const right = codes.flatMap((code) => [0x7e, Number.isNaN(valueOfCode(code)) ? 0x7f : code])
        assert.deepEqual(Array.from(bytes), right)
      })

      test('everything that was allocated on the way is given back', () => {
        using _scope = machine.scope()
        const stack = machine.tensorOf(drawn(60, 1), [3, 4, 5])
        const x_MD = machine.tensorOf(drawn(20, 1), [4, 5])
        const level = machine.heap.levelBytes
        machine.heap.free(roundToE4m3(stack, { rows: 2, columns: 2 }).address)
        roundInPlace(stack, { rows: 2, columns: 2 })
        const { codes: address, scales } = storeE4m3(x_MD)
        for (const block of [address, scales]) machine.heap.free(block)
        assert.equal(machine.heap.levelBytes, level)
      })
    })
  }
}
