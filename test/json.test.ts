/** With --json every verb prints one document, an object: its result, or {"error": {"kind", "message"}}. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { Command } from 'commander'
import { createProgram } from '../src/apps/program.ts'
import { Workplace } from './end-to-end-helpers.ts'
import { strata } from './strata.ts'

const place = new Workplace()
after(() => place[Symbol.dispose]())
const run = place.at('runs', 'tiny')

before(async () => {
  const trained = await place.run('pretrain', 'tiny', '--threads', '1', '--set', 'training.tokens=2048')
  assert.equal(trained.status, 0, trained.stderr)
  writeFileSync(place.at('loads.json'), '[[3,1,2,2]]')
  writeFileSync(place.at('text.txt'), 'A plain sentence, and another one behind it.\n'.repeat(40))
})

/** Every command with --json, as it is typed. */
async function jsonCommands(): Promise<string[]> {
  const pathsOf = (command: Command, names: readonly string[]): string[] => [
    ...(command.options.some(({ long }) => long === '--json') ? [names.join(' ')] : []),
    ...command.commands.flatMap((child) => pathsOf(child, [...names, child.name()])),
  ]
  return pathsOf(await createProgram(() => true), [])
}

/** What a command is given, for a result at once. The stages of training share one result, that of `pretrain`. */
const given: Readonly<Record<string, readonly (readonly string[])[]>> = {
  pretrain: [[run]],
  ablate: [[]],
  report: [[run], [run, '--claims']],
  'data list': [[]],
  'data inspect': [[place.at('text.txt')]],
  'tokenizer train': [['--data', place.at('text.txt'), '--vocab-size', '300', '--output', place.at('tokenizer')]],
  'tokenizer encode': [[run, 'a text']],
  'tokenizer decode': [[run, '65 66']],
  'tokenizer inspect': [[run]],
  generate: [[run, '--prompt', 'Once', '--max-tokens', '3', '--threads', '1']],
  chat: [[run, '--message', 'Hi', '--max-tokens', '3', '--threads', '1']],
  eval: [[run, '--data', place.at('text.txt'), '--bytes', '400', '--items', '2', '--tasks', 'grammar', '--threads', '1']],
  inspect: [['deepseek-v3'], [run]],
  plan: [[], ['--validate'], ['bench', '--cluster', 'laptop'], ['--what-if', 'precision']],
  schedule: [['dualpipe', '--ranks', '2', '--microbatches', '4']],
  balance: [['--loads', place.at('loads.json'), '--replicas', '4', '--gpus', '2']],
  doctor: [[]],
}

/** What takes minutes, or a network: their results have the compiler's word that they are objects, and errors are looked at here. */
const long = ['start', 'run', 'extend', 'sft', 'rl', 'reward', 'bench', 'data fetch']

const documentOf = (out: string): Readonly<Record<string, unknown>> => {
  const document: unknown = JSON.parse(out)
  assert.ok(typeof document === 'object' && document !== null && !Array.isArray(document), `${out.slice(0, 80)} is no object`)
  assert.equal(out.trimEnd().split('\n').length, 1)
  return document as Readonly<Record<string, unknown>>
}

test('a result is one object, for every command that has --json', async () => {
  assert.deepEqual((await jsonCommands()).toSorted(), [...Object.keys(given), ...long].toSorted())
  for (const [command, calls] of Object.entries(given)) {
    for (const call of calls) {
      const { status, out, err } = await strata(...command.split(' '), ...call, '--json')
      assert.equal(status, 0, `${command} ${call.join(' ')}: ${err}`)
      assert.ok(!('error' in documentOf(out)), command)
    }
  }
})

test('an error is one object too', async () => {
  for (const command of await jsonCommands()) {
    const { status, out, err } = await strata(...command.split(' '), '--no-such-flag', '--json')
    assert.equal(status, 2, command)
    const { error } = documentOf(out) as { readonly error: { readonly kind: string; readonly message: string } }
    assert.equal(error.kind, 'usage')
    assert.match(error.message, new RegExp(`^strata ${command}: (?:unknown option|expected --) ?.* Type "strata ${command} --help"`))
    assert.equal(err, `error: ${error.message}\n`)
  }
})
