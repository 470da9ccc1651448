import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { writeFolderWhole } from './whole-folder.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'strata-folder-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const put = (text: string) => (temporary: string) => writeFileSync(path.join(temporary, 'a'), text)

test('a folder that cannot be finished leaves the earlier one as it was', () => {
  const target = path.join(folder, 'deep', 'target')
  writeFolderWhole(target, put('one'))
  const failing = (temporary: string) => {
    put('two')(temporary)
    throw new TypeError('a defect')
  }
  assert.throws(() => writeFolderWhole(target, failing), TypeError)
  assert.deepEqual(readdirSync(path.dirname(target)), ['target'])
  assert.equal(readFileSync(path.join(target, 'a'), 'utf8'), 'one')
})

test('a file in the way is an error of the person at the keyboard', () => {
  writeFileSync(path.join(folder, 'file'), '')
  assert.throws(() => writeFolderWhole(path.join(folder, 'file', 'target'), put('one')), /expected room and permission to write/)
})

test('on a full disk the earlier folder stays and nothing else does', { skip: process.platform === 'win32' }, () => {
  const target = path.join(folder, 'target')
  writeFolderWhole(target, put('one'))
  const module = (file: string) => JSON.stringify(new URL(file, import.meta.url).href)
  const script = `
    import { writeFolderWhole } from ${module('whole-folder.ts')}
    import { writeFileWhole } from ${module('../foundations/safetensors-storage.ts')}
    const write = (temporary) => writeFileWhole(temporary + '/a', [new Uint8Array(1e6)])
    try { writeFolderWhole(${JSON.stringify(target)}, write) } catch (error) { console.log(error.name + ' ' + error.message) }`
  const shell = `trap '' XFSZ; ulimit -f 8; exec "$0" --input-type=module -e "$1"`
  const { stdout } = spawnSync('sh', ['-c', shell, process.execPath, script], { encoding: 'utf8' })
  assert.match(stdout, /^UsageError \S+target\/a: expected room and permission to write, got a limit on the size of files/)
  assert.deepEqual(readdirSync(folder), ['target'])
  assert.equal(readFileSync(path.join(target, 'a'), 'utf8'), 'one')
})
