/** Someone's own verifier: what throws is told with its message, what never ends is cut at the limit, the next one is judged. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { UsageError } from '../base/errors.ts'
import { formatReply, type Problem, verifyReply } from '../foundations/index.ts'
import { guardVerifier } from './guard-verifier.ts'
import { VerifierSandbox } from './verifier-sandbox.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'strata-verifier-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const problem: Problem = { id: 'add/1+1', task: 'add', level: 0, prompt: '1 + 1 = ?', answer: '2', reasoning: null }

let fileCount = 0
function moduleOf(source: string): string {
  const file = path.join(folder, `verifier-${fileCount++}.mjs`)
  writeFileSync(file, source)
  return file
}

const moody = moduleOf(`
export function verify(problem, reply) {
  if (reply === 'loop') for (;;);
  if (reply === 'throw') throw new RangeError('the reply is odd')
  if (reply === 'wait') return new Promise(() => {})
  if (reply === 'exit') process.exit(3)
  if (reply === 'number') return 7
  if (reply === 'fill') { const kept = []; for (;;) kept.push(new Array(100000).fill(kept.length)) }
  if (reply === 'afterwards') setTimeout(() => { throw new Error('too late') }, 5)
  if (reply === 'print') console.log('noise')
  if (reply === 'later') return Promise.resolve({ isCorrect: true, isWellFormed: false })
  return reply === problem.answer
}`)

test('a guarded verifier gives its verdict, and what it throws is a fault that counts as wrong', () => {
  assert.deepEqual(guardVerifier(verifyReply)(problem, formatReply('2')), { isCorrect: true, isWellFormed: true, fault: null })
  const verdict = guardVerifier(() => {
    throw new TypeError('no such field')
  })(problem, '2')
  assert.deepEqual(verdict, { isCorrect: false, isWellFormed: false, fault: 'threw TypeError: no such field' })
  const circular: Record<string, unknown> = {}
  circular.self = circular
  for (const value of [
    undefined,
    null,
    1,
    'yes',
    {},
    { isCorrect: 1 },
    { isCorrect: true, isWellFormed: 'x' },
    circular,
    1n,
    Symbol('x'),
  ]) {
    const { isCorrect, fault } = guardVerifier(() => value)(problem, '2')
    assert.ok(!isCorrect && fault !== null, String(fault))
  }
  const nothing = guardVerifier(() => {
    // oxlint-disable-next-line no-throw-literal -- anything may be thrown
    throw undefined
  })
  assert.match(nothing(problem, '2').fault!, /threw undefined/)
})

test('an endless loop is cut at the limit, a throw is told, and the verifier goes on', async () => {
  const sandbox = await VerifierSandbox.open(moody, { limitSeconds: 0.3 })
  try {
    const ask = (reply: string) => sandbox.verify(problem, reply)
    assert.deepEqual(await ask('2'), { isCorrect: true, isWellFormed: false, fault: null })
    const startMs = performance.now()
    assert.deepEqual(await ask('loop'), { isCorrect: false, isWellFormed: false, fault: 'did not end within 0.3 s' })
    assert.ok(performance.now() - startMs >= 290, 'not before the limit')
    assert.equal((await ask('throw')).fault, 'threw RangeError: the reply is odd')
    assert.equal((await ask('wait')).fault, 'did not end within 0.3 s')
    assert.match((await ask('exit')).fault!, /ended its thread with status 3/)
    assert.match((await ask('number')).fault!, /expected a verdict .* got 7/)
    assert.deepEqual(await ask('later'), { isCorrect: true, isWellFormed: false, fault: null })
    assert.deepEqual(await ask('print'), { isCorrect: false, isWellFormed: false, fault: null })
    assert.equal((await ask('afterwards')).fault, null)
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal((await ask('2')).isCorrect, true)
    // Asked at once, they are answered in order, on both sides of one that hangs.
    const verdicts = await Promise.all(['2', 'loop', '2', '3'].map(ask))
    assert.deepEqual(
      verdicts.map(({ isCorrect }) => isCorrect),
      [true, false, true, false],
    )
  } finally {
    await sandbox.close()
  }
})

test('many verdicts leave no listeners behind', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  const sandbox = await VerifierSandbox.open(moody, { limitSeconds: 20 })
  try {
    for (let index = 0; index < 50; index++) assert.equal((await sandbox.verify(problem, '2')).isCorrect, true)
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(warnings, [])
  } finally {
    await sandbox.close()
    process.off('warning', onWarning)
  }
})

test('a verifier that fills the memory ends its thread and nothing else', async () => {
  const sandbox = await VerifierSandbox.open(moody, { limitSeconds: 20, heapMebibytes: 32 })
  try {
    assert.match((await sandbox.verify(problem, 'fill')).fault!, /ended its thread/)
    assert.equal((await sandbox.verify(problem, '2')).isCorrect, true)
  } finally {
    await sandbox.close()
  }
})

test('a module that cannot be used is an error that says why', async () => {
  const wrong: [string, RegExp, number?][] = [
    [path.join(folder, 'absent.mjs'), /nothing there/],
    [moduleOf('export const check = 1'), /exports check/],
    [moduleOf(`throw new Error('half done')`), /half done/],
    [moduleOf('export function verify( {'), /SyntaxError/],
    [moduleOf('for (;;);'), /did not end within 0.4 s/, 0.4],
  ]
  for (const [file, expected, loadLimitSeconds = 20] of wrong)
    await assert.rejects(
      VerifierSandbox.open(file, { loadLimitSeconds }),
      (error: Error) => error instanceof UsageError && expected.test(error.message),
    )
})

test('a thread starts in a program given as text, whatever its flags', () => {
  const program = `
    const { VerifierSandbox } = await import('${new URL('./verifier-sandbox.ts', import.meta.url).href}')
    const sandbox = await VerifierSandbox.open(${JSON.stringify(moody)})
    process.stdout.write(JSON.stringify(await sandbox.verify(${JSON.stringify(problem)}, '2')))
    await sandbox.close()`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  assert.deepEqual(JSON.parse(stdout || '{}'), { isCorrect: true, isWellFormed: false, fault: null }, stderr)
})
