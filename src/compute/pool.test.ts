import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const program = `
  const { Machine } = await import('${new URL('./machine.ts', import.meta.url).href}')
  const machine = await Machine.start({ threads: 2 })
  process.stdout.write(String(machine.threads))
  machine.close()`

const start = (flags: readonly string[], options = '') =>
  spawnSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: options } })

test('threads start in a program given as text, whatever its flags', () => {
  const typed = start(['--input-type=module', '--title=x', '--max-old-space-size=500'])
  assert.equal(typed.stdout, '2', typed.stderr)
  const fromEnvironment = start([], '--input-type=module --max-old-space-size=500')
  assert.equal(fromEnvironment.stdout, '2', fromEnvironment.stderr)
})

test('a process without the permission for workers is told which one it lacks', () => {
  const { stderr } = start(['--input-type=module', '--permission', '--allow-fs-read=*'])
  assert.match(stderr, /UsageError: threads: expected a process that may start workers, got one without .* --allow-worker/)
})
