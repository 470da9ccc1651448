import assert from 'node:assert/strict'
import { homedir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { UsageError } from './errors.ts'
import { availableThreads, cacheFolder, isNode, node, readAsset } from './platform.ts'

function withEnvironment<T>(values: Record<string, string | undefined>, work: () => T): T {
  const before = { ...process.env }
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  try {
    return work()
  } finally {
    for (const name of Object.keys(values)) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  }
}

test('Node is found, with its modules and at least one thread', () => {
  assert.equal(isNode, true)
  assert.equal(node().path.join('a', 'b'), path.join('a', 'b'))
  assert.ok(availableThreads() >= 1)
})

test('the cache is where STRATA_CACHE says, and otherwise under the home folder', () => {
  assert.equal(withEnvironment({ STRATA_CACHE: 'here' }, cacheFolder), path.resolve('here'))
  const folder = withEnvironment({ STRATA_CACHE: undefined, XDG_CACHE_HOME: undefined }, cacheFolder)
  assert.ok(folder.startsWith(homedir()) && folder.includes('strata'), folder)
})

test('XDG_CACHE_HOME counts where that convention holds, if it is absolute', { skip: process.platform !== 'linux' }, () => {
  const at = (home: string) => withEnvironment({ STRATA_CACHE: undefined, XDG_CACHE_HOME: home }, cacheFolder)
  assert.equal(at('/var/cache'), '/var/cache/strata')
  assert.equal(at('relative'), path.join(homedir(), '.cache', 'strata'))
})

test('an asset is read from a file', async () => {
  const bytes = await readAsset(new URL(import.meta.url))
  assert.match(new TextDecoder().decode(bytes), /an asset is read from a file/)
})

test('an asset that is missing is a usage error that names it', async () => {
  const missing = pathToFileURL(path.join(import.meta.dirname, 'missing.wasm'))
  await assert.rejects(readAsset(missing), (error: unknown) => error instanceof UsageError && error.message.includes('missing.wasm'))
})
