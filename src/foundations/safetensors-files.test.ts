import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { UsageError } from '../base/errors.ts'
import { openSafetensors, openSafetensorsFolder, parseIndex } from './safetensors-reader.ts'
import { writeSafetensors } from './safetensors-writer.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'strata-safetensors-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const inFolder = (name: string) => path.join(folder, name)
const vector = (name: string, ...values: number[]) => ({ name, shape: [values.length], data: Float32Array.from(values) })

test('a written file is read, into shared memory too', () => {
  const heap = new SharedArrayBuffer(64)
  const weight = new Float32Array(heap, 16, 6)
  weight.set([1, 2, 3, 4, 5, 6])
  const bf16 = Uint16Array.of(0x3f80, 0xc000)
  writeSafetensors(
    inFolder('a.safetensors'),
    [
      { name: 'flags', shape: [3], data: Uint8Array.of(1, 0, 1), dtype: 'BOOL' },
      { name: 'half', shape: [2], data: bf16, dtype: 'BF16' },
      { name: 'weight', shape: [2, 3], data: weight },
    ],
    { format: 'pt' },
  )
  const file = openSafetensors(inFolder('a.safetensors'))
  const target = new Float32Array(heap, 40, 6)
  assert.equal(file.readFloat32('weight', target), target)
  assert.deepEqual([...target], [1, 2, 3, 4, 5, 6])
  assert.deepEqual([...file.readFloat32('half')], [1, -2])
  assert.deepEqual([...file.readBytes('flags')], [1, 0, 1])
  assert.deepEqual(file.metadata, { format: 'pt' })
  assert.deepEqual(file.entry('weight').shape, [2, 3])
  file.close()
  const bytes = readFileSync(inFolder('a.safetensors'))
  assert.equal(Number(bytes.readBigUInt64LE(0)) % 8, 0, 'the header is padded')
  assert.deepEqual(readdirSync(folder), ['a.safetensors'])
})

test('tensors longer than a piece are widened whole', () => {
  const bits = Uint16Array.from({ length: 2_200_000 }, (_, i) => 0x3f80 + (i % 64))
  writeSafetensors(inFolder('a.safetensors'), [{ name: 'w', shape: [bits.length], data: bits, dtype: 'BF16' }])
  const file = openSafetensors(inFolder('a.safetensors'))
  const numbers = file.readFloat32('w')
  assert.ok(numbers.every((value, i) => value === 1 + (i % 64) / 128))
  file.close()
})

test('what does not fit its shape, its dtype or its name is not written', () => {
  const wrong = [
    { name: 'a', shape: [3], data: new Float32Array(2) },
    { name: 'a', shape: [2], data: new Float32Array(2), dtype: 'BF16' as const },
  ]
  assert.throws(() => writeSafetensors(inFolder('a.safetensors'), wrong), /3 things are wrong/)
  assert.deepEqual(readdirSync(folder), [])
})

test('a tensor that is missing, or of another size, is named', () => {
  writeSafetensors(inFolder('a.safetensors'), [vector('w', 1, 2)])
  const file = openSafetensors(inFolder('a.safetensors'))
  assert.throws(() => file.readFloat32('v'), /a tensor called v, got 1 others/)
  assert.throws(() => file.readFloat32('w', new Float32Array(3)), /w: expected 3 elements, got 2/)
  file.close()
})

test('a file cut short is refused, also after it was opened', () => {
  const file = inFolder('a.safetensors')
  writeSafetensors(file, [vector('w', 1, 2, 3)])
  const before = openSafetensors(file)
  truncateSync(file, readFileSync(file).length - 4)
  assert.throws(() => openSafetensors(file), /within 8 bytes, got 0 and 12/)
  assert.throws(() => before.readFloat32('w'), /truncated/)
  before.close()
})

test('what is not a file is refused', () => {
  assert.throws(() => openSafetensors(folder), /expected a file, got something else/)
  assert.throws(() => openSafetensors(inFolder('none')), /expected a file that can be read, got nothing there/)
  assert.throws(() => openSafetensorsFolder(folder), /expected model.safetensors or model.safetensors.index.json, got neither/)
})

test('an earlier file stays when a new one cannot be written', () => {
  writeSafetensors(inFolder('a.safetensors'), [vector('w', 1)])
  assert.throws(() => writeSafetensors(path.join(folder, 'none', 'a.safetensors'), [vector('w', 2)]), /got nothing there/)
  mkdirSync(inFolder('b.safetensors'))
  assert.throws(() => writeSafetensors(inFolder('b.safetensors'), [vector('w', 2)]), UsageError)
  assert.deepEqual(readdirSync(folder).sort(), ['a.safetensors', 'b.safetensors'])
})

test('when the system stops in the middle nothing is left and the earlier file is intact', { skip: process.platform === 'win32' }, () => {
  const target = inFolder('a.safetensors')
  writeSafetensors(target, [vector('w', 1)])
  const writer = new URL('safetensors-writer.ts', import.meta.url).href
  const script = `
    import { writeSafetensors } from ${JSON.stringify(writer)}
    try { writeSafetensors(${JSON.stringify(target)}, [{ name: 'w', shape: [1e6], data: new Float32Array(1e6) }]) }
    catch (error) { console.log(error.name + ' ' + error.message) }`
  // A limit of 8 blocks on the size of files, with its signal ignored: writing fails part of the way, as on a full disk.
  const shell = `trap '' XFSZ; ulimit -f 8; exec "$0" --input-type=module -e "$1"`
  const { stdout } = spawnSync('sh', ['-c', shell, process.execPath, script], { encoding: 'utf8' })
  assert.match(stdout, /^UsageError .*expected room and permission to write, got a limit on the size of files. Nothing was changed/)
  assert.deepEqual(readdirSync(folder), ['a.safetensors'])
  const file = openSafetensors(target)
  assert.deepEqual([...file.readFloat32('w')], [1])
  file.close()
})

function writeShards(weightMap: Record<string, string>): void {
  writeSafetensors(inFolder('model-1.safetensors'), [vector('a', 1), vector('b', 2)], { x: '1' })
  writeSafetensors(inFolder('model-2.safetensors'), [vector('c', 3)], { y: '2' })
  writeFileSync(inFolder('model.safetensors.index.json'), JSON.stringify({ metadata: { total_size: 12 }, weight_map: weightMap }))
}
const rightMap = { a: 'model-1.safetensors', b: 'model-1.safetensors', c: 'model-2.safetensors' }

test('a model in shards is read as one', () => {
  writeShards(rightMap)
  const model = openSafetensorsFolder(folder)
  assert.deepEqual([...model.tensors.keys()], ['a', 'b', 'c'])
  assert.deepEqual([...model.readFloat32('c')], [3])
  assert.deepEqual(model.metadata, { x: '1', y: '2' })
  assert.throws(() => model.readFloat32('d'), /a tensor called d/)
  model.close()
})

test('shards that the index does not describe are refused', () => {
  writeShards({ a: 'model-1.safetensors', d: 'model-2.safetensors' })
  assert.throws(() => openSafetensorsFolder(folder), /3 things are wrong[^]*model-2.safetensors: expected the tensor d[^]*got b[^]*got c/)
  rmSync(inFolder('model-2.safetensors'))
  assert.throws(() => openSafetensorsFolder(folder), /model-2.safetensors: expected a file that can be read/)
})

test('an index cannot reach outside its folder', () => {
  for (const file of ['../secret.safetensors', '/etc/x.safetensors', 'a\\b.safetensors', 'plain.txt', 7]) {
    assert.throws(() => parseIndex('index', JSON.stringify({ weight_map: { a: file } })), /a: expected the name of a .safetensors file/)
  }
  assert.throws(() => parseIndex('index', '[]'), /weight_map/)
  assert.throws(() => parseIndex('index', '{'), /expected JSON/)
})
