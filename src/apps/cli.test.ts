/** The command as a process: what no test inside this process can see. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { packageVersion } from './package-version.ts'

const cli = fileURLToPath(new URL('cli.ts', import.meta.url))
const folder = mkdtempSync(path.join(tmpdir(), 'strata-cli-'))
after(() => rmSync(folder, { recursive: true }))

const environment = { ...process.env, STRATA_CACHE: path.join(folder, 'cache') }
const strata = (args: string[], env: Record<string, string | undefined> = environment) =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', env })
const shell = (script: string) => spawnSync('sh', ['-c', script, process.execPath, cli], { encoding: 'utf8', env: environment })

interface Doctor {
  readonly isHealthy: boolean
  readonly checks: readonly { readonly name: string; readonly status: string; readonly advice: string }[]
}

test('the version is that of the package', () => {
  assert.equal(strata(['--version']).stdout, `${packageVersion()}\n`)
})

test('doctor finds this machine fit, in words and as JSON', () => {
  const words = strata(['doctor'])
  assert.equal(words.status, 0, words.stderr)
  assert.match(words.stdout, /ok +WebAssembly SIMD +yes/)
  assert.match(words.stdout, /Strata runs here\.\n$/)
  const { status, stdout, stderr } = strata(['doctor', '--json'])
  const { isHealthy, checks } = JSON.parse(stdout) as Doctor
  assert.deepEqual([status, stderr, isHealthy], [0, '', true])
  const names = [
    'Node',
    'WebAssembly SIMD',
    'relaxed SIMD',
    'vectors',
    'WebAssembly threads',
    'processor',
    'memory',
    'cache folder',
    'dependencies',
  ]
  assert.deepEqual(
    checks.map(({ name }) => name),
    names,
  )
})

test('doctor says what to do when the cache folder cannot be made, status 2', () => {
  const file = path.join(folder, 'a-file')
  writeFileSync(file, '')
  const { status, stdout } = strata(['doctor', '--json'], { ...environment, STRATA_CACHE: path.join(file, 'cache') })
  const { isHealthy, checks } = JSON.parse(stdout) as Doctor
  assert.deepEqual([status, isHealthy], [2, false])
  const wrong = checks.filter((check) => check.status === 'missing')
  assert.deepEqual(
    wrong.map(({ name }) => name),
    ['cache folder'],
  )
  assert.match(wrong[0].advice, /STRATA_CACHE/)
})

test('doctor --network says so when no registry answers, and is healthy all the same', () => {
  // Nothing listens on the discard port of this machine; npm is told to try once.
  const nowhere = { npm_config_registry: 'http://127.0.0.1:9/', npm_config_fetch_retries: '0', npm_config_cache: path.join(folder, 'npm') }
  const { status, stdout } = strata(['doctor', '--network', '--json'], { ...environment, ...nowhere })
  const { checks } = JSON.parse(stdout) as Doctor
  assert.deepEqual([status, checks.at(-1)!.name, checks.at(-1)!.status], [0, 'package registry', 'warning'])
})

test('a usage error leaves standard output empty and ends with status 2', () => {
  const { status, stdout, stderr } = strata(['doctr'])
  assert.deepEqual([status, stdout], [2, ''])
  assert.match(stderr, /^error: .*Did you mean "doctor"\?\n$/)
})

test('a reader that goes away ends the command quietly', { skip: process.platform === 'win32' }, () => {
  const { stdout, stderr } = shell('{ "$0" "$1" --help; echo "status $?" >&3; } 3>&2 | true; sleep 0.2')
  assert.equal(stdout, '')
  assert.equal(stderr, 'status 0\n')
})

test('output that cannot be written is said, status 2', { skip: existsSync('/dev/full') ? false : 'there is no /dev/full here' }, () => {
  const { status, stderr } = shell('"$0" "$1" --help > /dev/full')
  assert.equal(status, 2)
  assert.match(stderr, /output could not be written \(ENOSPC\)/)
})
