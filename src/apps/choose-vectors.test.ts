import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { canJoinVectors } from '../compute/index.ts'
import { chooseVectors } from './choose-vectors.ts'

const doctor = (bits?: string) => {
  const cli = fileURLToPath(new URL('cli.ts', import.meta.url))
  const { STRATA_VECTOR_BITS: _, ...env } = process.env
  return spawnSync(process.execPath, [cli, 'doctor'], {
    encoding: 'utf8',
    env: bits === undefined ? env : { ...env, STRATA_VECTOR_BITS: bits },
  })
}

test('the command has the widest vectors that the engine has, and 128 bits where they are asked for', () => {
  assert.match(doctor().stdout, canJoinVectors() ? /ok +vectors +256 bits/ : /ok +vectors +128 bits/)
  assert.match(doctor('128').stdout, /ok +vectors +128 bits/)
})

test('any other number is refused by the command like everything else, status 2', () => {
  assert.throws(() => chooseVectors('512'), /STRATA_VECTOR_BITS: expected 128 or 256, got "512"/)
  const { status, stdout, stderr } = doctor('many')
  assert.deepEqual([status, stdout], [2, ''])
  assert.match(stderr, /^error: STRATA_VECTOR_BITS: expected 128 or 256, got "many"/)
})
