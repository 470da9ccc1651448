import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvariantError, usageError } from '../base/errors.ts'
import { commonFlags } from './flags.ts'
import { createProgram, runProgram } from './program.ts'
import { verbs as realVerbs, type Verb } from './verbs.ts'

/** A verb that hands what it was given to `action`. */
function verb(name: string, action: (flags: Record<string, unknown>) => void, onLoad = () => {}): Verb {
  const summary = `does ${name}`
  return {
    name,
    summary,
    load: () => {
      onLoad()
      return Promise.resolve({
        register: (program) =>
          void commonFlags(program.command(name).description(summary), 'json', 'seed', 'set', 'budget', 'threads').action(action),
      })
    },
  }
}

async function run(args: string[], verbs: readonly Verb[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const status = await runProgram(args, { verbs, stdout: { write: (text) => out.push(text) }, stderr: { write: (text) => err.push(text) } })
  return { status, out: out.join(''), err: err.join('') }
}

const failing = (error: unknown) =>
  verb('fail', () => {
    throw error
  })

test('a verb receives its flags with their types', async () => {
  let given: Record<string, unknown> = {}
  const verbs = [verb('go', (flags) => (given = flags))]
  const { status } = await run(
    ['go', '--seed', '7', '--set', 'a=1', '--set', 'b=2', '--budget', '1m30s', '--threads', '2', '--json'],
    verbs,
  )
  assert.equal(status, 0)
  assert.deepEqual(given, { seed: 7, set: ['a=1', 'b=2'], budget: 90, threads: 2, json: true })
})

test('flags that are not given have their resting values', async () => {
  let given: Record<string, unknown> = {}
  await run(['go'], [verb('go', (flags) => (given = flags))])
  assert.deepEqual(given, { set: [], json: false })
})

test('only the verb that is asked for is loaded, none for help', async () => {
  const loaded: string[] = []
  const verbs = ['one', 'two'].map((name) =>
    verb(
      name,
      () => {},
      () => loaded.push(name),
    ),
  )
  const help = await run(['--help'], verbs)
  assert.equal(help.status, 0)
  assert.match(help.out, /one +does one\n +two +does two/)
  assert.deepEqual(loaded, [])
  await run(['two'], verbs)
  assert.deepEqual(loaded, ['two'])
})

test('help for a verb is asked for in two ways, and help alone is printed for no arguments', async () => {
  const verbs = [verb('go', () => {})]
  const [help, flag, none] = [await run(['help', 'go'], verbs), await run(['go', '--help'], verbs), await run([], verbs)]
  assert.match(help.out, /Usage: strata go \[options\]/)
  assert.deepEqual(flag, help)
  assert.match(none.out, /Usage: strata <verb>/)
  assert.equal(none.status, 0)
  assert.doesNotMatch(help.out, /default: (false|\[\])/)
})

test('an unknown verb suggests the nearest one', async () => {
  const verbs = ['plan', 'schedule'].map((name) => verb(name, () => {}))
  const near = await run(['paln'], verbs)
  assert.deepEqual([near.status, near.out], [2, ''])
  assert.match(near.err, /expected a verb, got "paln"\. Did you mean "plan"\?/)
  assert.match((await run(['xylophone'], verbs)).err, /There are plan, schedule\./)
})

test('a flag that a verb does not take is an error with the nearest one', async () => {
  const { status, err } = await run(['go', '--seeed', '1'], [verb('go', () => assert.fail('it ran'))])
  assert.equal(status, 2)
  assert.equal(err, 'error: strata go: unknown option \'--seeed\'. Did you mean --seed? Type "strata go --help" for what it takes.\n')
})

test('a flag whose value is missing or wrong is an error before anything runs', async () => {
  const verbs = [verb('go', () => assert.fail('it ran'))]
  const wrong = {
    '--seed': /expected --seed <number>, got no value/,
    '--seed=-1': /--seed: expected a whole number, 0 or more/,
    '--threads=0': /from 1 to 256/,
    '--budget=5': /a time with its unit/,
  }
  for (const [flag, message] of Object.entries(wrong)) {
    const { status, err } = await run(['go', flag], verbs)
    assert.equal(status, 2)
    assert.match(err, message)
  }
  assert.equal((await run(['go', 'surplus'], verbs)).status, 2)
})

test('a usage error is a message without a stack, status 2', async () => {
  const { status, out, err } = await run(['fail'], [failing(usageError('a.json', 'a model', 'a recipe', 'Give another file.'))])
  assert.deepEqual({ status, out, err }, { status: 2, out: '', err: 'error: a.json: expected a model, got a recipe. Give another file.\n' })
})

test('a defect shows its stack and its causes and asks to be reported, status 1', async () => {
  const { status, err } = await run(['fail'], [failing(new InvariantError('heap: expected 0, got 1', { cause: new Error('the root') }))])
  assert.equal(status, 1)
  assert.match(err, /^error: heap: expected 0, got 1\nThis is a defect of Strata\. Please report it/)
  assert.match(err, /InvariantError: heap[^]*program\.test\.ts[^]*caused by: Error: the root/)
})

test('what the machine refuses is no defect', async () => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, write 'x'"), { code: 'ENOSPC' })
  assert.equal((await run(['fail'], [failing(full)])).status, 2)
})

test('with --json an error is one JSON document on standard output', async () => {
  const usage = await run(['fail', '--json'], [failing(usageError('a', 'b', 'c'))])
  assert.deepEqual(JSON.parse(usage.out), { error: { kind: 'usage', message: 'a: expected b, got c.' } })
  assert.equal(usage.status, 2)
  const defect = await run(['fail', '--json'], [failing(new TypeError('x is undefined'))])
  assert.deepEqual(JSON.parse(defect.out), { error: { kind: 'defect', message: 'x is undefined' } })
  const unknown = await run(['nope', '--json'], [])
  assert.equal((JSON.parse(unknown.out) as { error: { kind: string } }).error.kind, 'usage')
})

test('every verb of the list registers one command under its name and summary, with JSON for programs', async () => {
  const { commands } = await createProgram(() => true)
  assert.deepEqual(
    commands.map((command) => [command.name(), command.summary() || command.description()]),
    realVerbs.map(({ name, summary }) => [name, summary]),
  )
  for (const command of commands) {
    const leaves = command.commands.length > 0 ? command.commands : [command]
    for (const leaf of leaves)
      assert.ok(
        [...leaf.options, ...command.options].some(({ long }) => long === '--json'),
        `${command.name()} has no --json`,
      )
  }
})
