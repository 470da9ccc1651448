/** What people type and feed by mistake: a sentence that says what to mend, exit status 2, and nothing lost. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { runFormat } from '../src/report/index.ts'
import { Workplace } from './end-to-end-helpers.ts'

let place: Workplace
/** A fine-tuned model, with a verifier that is still to be used. */
const run = 'runs/first'

before(async () => {
  place = new Workplace()
  writeFileSync(place.at('verifier.mjs'), `export const verify = (problem, reply) => reply.includes(problem.answer)`)
  const { status, stderr } = await place.run('sft', 'tiny', '--name', 'first', '--set', 'rl.verifier=verifier.mjs', '--threads', '1')
  assert.equal(status, 0, stderr)
})
after(() => place[Symbol.dispose]())

/** Runs a command that must be refused in these words, without a stack and without a result. */
async function refused(pattern: RegExp, ...args: readonly string[]): Promise<void> {
  const { status, stdout, stderr } = await place.run(...args)
  assert.equal(status, 2, `${args.join(' ')}: ${stdout}${stderr}`)
  assert.match(stderr, pattern, args.join(' '))
  assert.doesNotMatch(stderr, /defect of Strata|\n {4}at /)
  assert.equal(stdout, '')
}

/** Does something with a file of the run changed, and puts it back. */
async function withFile(name: string, change: (text: string) => string, work: () => Promise<void>): Promise<void> {
  const file = place.at(run, name)
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, change(text))
  try {
    await work()
  } finally {
    writeFileSync(file, text)
  }
}

test('a verb that is called with nothing to do, or with flags that it would ignore, says so', async () => {
  await refused(/--message: expected text, got ""/, 'chat', run, '--message', '')
  await refused(/--system: expected text, got "  "/, 'chat', run, '--message', 'Hi', '--system', '  ')
  await refused(/expected ablations beside --run and --seeds, got none\. There are mtp, /, 'ablate', '--run', 'nowhere', '--seeds', '3')
  await refused(/or the folder of a run, got "first"\. Did you mean runs\/first\?/, 'rl', 'first')
  await refused(/or the folder of a run, got "second"\. A run is named by its folder/, 'rl', 'second')
})

test('conversations that are not there, or hold nothing to learn, are refused before anything begins', async () => {
  const asked = ['sft', 'tiny', '--name', 'second', '--conversations'] as const
  await refused(/missing\.jsonl: expected a file that can be read, got nothing there\. Check the path/, ...asked, 'missing.jsonl')
  await refused(/runs: expected a file, got a folder/, ...asked, 'runs')
  writeFileSync(place.at('mute.jsonl'), '{"messages":[{"role":"system","content":"x"},{"role":"assistant","content":"y"}]}\n')
  await refused(/line 1: messages: expected a question by the user, got none/, ...asked, 'mute.jsonl')
  assert.equal(existsSync(place.at('runs', 'second')), false)
})

test('a verifier that gives no verdicts is noticed before anything is trained, in a run that goes on too', async () => {
  writeFileSync(place.at('broken.mjs'), `export const verify = () => { throw new Error('no idea') }`)
  await refused(
    /broken\.mjs: expected a verifier that gives verdicts, got none on 3 replies in a row; first, it threw Error: no idea at the problem/,
    'run',
    'tiny',
    '--name',
    'second',
    '--set',
    'rl.verifier=broken.mjs',
  )
  assert.equal(existsSync(place.at('runs', 'second')), false)
  const before = readFileSync(place.at(run, 'events.jsonl'), 'utf8')
  renameSync(place.at('verifier.mjs'), place.at('moved.mjs'))
  await refused(/verifier\.mjs: expected a module with a verifier, got nothing there/, 'rl', run)
  assert.equal(readFileSync(place.at(run, 'events.jsonl'), 'utf8'), before)
  // What is done already does not need it.
  const { status, stderr } = await place.run('sft', run)
  assert.equal(status, 0, stderr)
  renameSync(place.at('moved.mjs'), place.at('verifier.mjs'))
})

test('a log with damaged lines is refused by everything that reads it, with line, type, field, expected and got', async () => {
  const damaged = (text: string) => text.replace(/"lossNats":[^,]*/, '"lossNats":"low"').replace(/"batchTokens":[^,]*,/, '')
  const message =
    /events\.jsonl: 2 things are wrong\.\n {2}- line \d+: training\/step: batchTokens: expected a number, got nothing\n {2}- line \d+: training\/step: lossNats: expected a number, got "low"/
  await withFile('events.jsonl', damaged, async () => {
    for (const verb of ['report', 'rl', 'run']) await refused(message, verb, run)
    await refused(message, 'ablate', 'mtp', '--run', run)
  })
  const unknown = (text: string) => `${text}{"type":"training/stepp","at":1}\n`
  await withFile('events.jsonl', unknown, () =>
    refused(
      /expected an event that this version of Strata writes, got the type "training\/stepp"\. Did you mean "training\/step"/,
      'report',
      run,
    ),
  )
  // What a crash leaves: a line without an end.
  const torn = (text: string) => `${text}{"type":"training/st`
  await withFile('events.jsonl', torn, async () => {
    const { status, stderr } = await place.run('report', run)
    assert.equal(status, 0, stderr)
    assert.match(stderr, /The last line of events\.jsonl is cut off, as a crash leaves it: that event is left out\./)
  })
  await withFile(
    'events.jsonl',
    (text) => `${torn(text)}\n`,
    () => refused(/line \d+: expected a whole line, got one that is cut off after 20 characters, as a crash/, 'report', run),
  )
})

test('a run whose log is lost, or lacks what its checkpoints come from, is not gone on with, and nothing in it is changed', async () => {
  const without = (pattern: RegExp) => (text: string) =>
    text
      .split('\n')
      .filter((line) => !pattern.test(line))
      .join('\n')
  const empty = /events\.jsonl: expected the events of a run that has checkpoints or a model, got no event\. Put back a copy of it, or/
  await withFile(
    'events.jsonl',
    () => '',
    async () => {
      for (const verb of ['run', 'sft', 'reward']) await refused(empty, verb, run)
      await refused(empty, 'ablate', 'mtp', '--run', run)
      assert.equal(readFileSync(place.at(run, 'events.jsonl'), 'utf8'), '')
    },
  )
  await withFile('events.jsonl', without(/"type":"training\/step","stage":"sft"/), () =>
    refused(/one thing is wrong\.\n {2}- sft: expected the \d+ steps up to its last checkpoint, got 0 of them\nPut back/, 'rl', run),
  )
  await withFile('events.jsonl', without(/"type":"run\/stage","stage":"pretrain"/), () =>
    refused(/- pretrain: expected its end before extend-1, got none/, 'rl', run),
  )
  renameSync(place.at(run, 'events.jsonl'), place.at('events.jsonl'))
  await refused(/expected the events of a run that has checkpoints or a model, got nothing there/, 'sft', run)
  assert.equal(existsSync(place.at(run, 'events.jsonl')), false)
  renameSync(place.at('events.jsonl'), place.at(run, 'events.jsonl'))
})

test('a record of another version, or damaged, is refused by everything that reads it, all violations at once', async () => {
  const newer = (text: string) => text.replace(`"format": ${runFormat}`, `"format": ${runFormat + 1}`)
  await withFile('recipe.json', newer, async () => {
    for (const verb of ['report', 'rl', 'eval'])
      await refused(/expected a run of format 3, got format 4, written by Strata .*\. Use that version, or a newer one/, verb, run)
  })
  const damaged = (text: string) => text.replace(/"lastRows": \d+,/, '').replace(/"microRows": \d+/, '"microRows": "x"')
  await withFile('recipe.json', damaged, () =>
    refused(
      /recipe\.json: 2 things are wrong\.[^]*training\.microRows: expected a whole number from 1 to \d+, got "x"[^]*extension\.lastRows: expected a whole number from 1 to \d+, got nothing[^]*written by Strata .* Start a new run/,
      'report',
      run,
    ),
  )
  await withFile(
    'recipe.json',
    () => '{',
    () => refused(/recipe\.json: expected JSON/, 'run', run),
  )
  mkdirSync(place.at('runs', 'empty'))
  await refused(/runs\/empty: expected the folder of a run, got one without recipe\.json/, 'run', 'runs/empty')
})

test('a chat template that fails, leaves the question out or is missing is said', async () => {
  const template = (text: string) => (config: string) => JSON.stringify({ ...(JSON.parse(config) as object), chat_template: text })
  const file = 'model/tokenizer_config.json'
  const chat = ['chat', run, '--message', 'Hi', '--max-tokens', '2'] as const
  await withFile(file, template('{% for'), () => refused(/chat template: expected Jinja that can be read/, ...chat))
  await withFile(file, template('{{ raise_exception("no") }}'), () =>
    refused(/chat template: expected a text for messages of user, got an error: no/, ...chat),
  )
  await withFile(file, template('Hello!'), () => refused(/expected every question put in, got message 1 left out/, ...chat))
  await withFile(
    file,
    () => '{}',
    async () => {
      const { status, stderr } = await place.run(...chat)
      assert.equal(status, 0, stderr)
      assert.match(stderr, /warning: .*has no chat template: that of DeepSeek-V3 is used/)
    },
  )
})

test('what the window has no room for is refused, or said, before it costs anything', async () => {
  const long = 'word '.repeat(2000)
  await refused(/prompt: expected at most 256 tokens, .*, got \d+\. Shorten it/, 'generate', run, '--prompt', long)
  await refused(/prompt: expected at most 256 tokens, .*, got \d+\. Shorten it/, 'chat', run, '--message', long)
  await refused(
    /2 things are wrong\.[^]*sft\.rowLength: expected at most the window of 256 tokens, got 512[^]*rl\.maxTokens: expected less than the window/,
    'run',
    'tiny',
    '--name',
    'second',
    '--set',
    'sft.rowLength=512',
    '--set',
    'rl.maxTokens=256',
  )
  const line = (prompt: string) => `${JSON.stringify({ prompt, answer: 'yes' })}\n`
  writeFileSync(place.at('long.jsonl'), line(long) + line('Hi'))
  const { status, stderr } = await place.run('sft', 'tiny', '--name', 'third', '--conversations', 'long.jsonl', '--threads', '1')
  assert.equal(status, 0, stderr)
  assert.match(
    stderr,
    /warning: \S*long\.jsonl: 1 of 2 conversations take more than a row of sft\.rowLength = 128 tokens \(the longest \d+\) and are left out: line 1\.\n[^]*step 1/,
  )
  writeFileSync(place.at('long.jsonl'), line(long))
  await refused(
    /fine-tuning: expected a conversation with an answer, of at most 129 tokens, got none \(the shortest has \d+\)\. Raise sft\.rowLength/,
    'sft',
    'tiny',
    '--name',
    'fourth',
    '--conversations',
    'long.jsonl',
    '--set',
    'sft.conversations=0',
    '--set',
    'sft.problems=0',
  )
  await refused(
    /rl\.maxTokens: expected at most \d+ behind a prompt of \d+ tokens in a window of 256, got 250\. Lower it/,
    'rl',
    'tiny',
    '--name',
    'fourth',
    '--set',
    'rl.maxTokens=250',
  )
  assert.equal(existsSync(place.at('runs', 'fourth')), false)
})

/** A whole run without the stages that take long. */
const short = ['--set', 'extension=null', '--set', 'sft=null', '--set', 'rl=null', '--set', 'ablations.names=mtp', '--threads', '1']

test('what a small text has not enough of is said before the first step and left out, and the report is written', async () => {
  writeFileSync(place.at('small.txt'), 'Rain falls on the hills. The ships come home at night.\n'.repeat(40))
  // Beside it, sizes that no recipe of the house has: a row that cannot be halved, and no module of multi-token prediction.
  const odd = ['--set', 'training.rowLength=33', '--set', 'model.mtpDepth=0']
  const { status, stdout, stderr } = await place.run('run', 'tiny', '--name', 'small', '--data', 'small.txt', ...odd, ...short)
  assert.equal(status, 0, stderr)
  const sentence =
    /The ablations mtp are left out: each is scored on at least 8 rows of 33 held-out tokens, and the \d+ that are held out give \d/
  assert.ok(stderr.search(sentence) > 0 && stderr.search(sentence) < stderr.indexOf('step 1/'), stderr)
  assert.match(stderr, /A new run has them with about \d+(?:\.\d+)? KiB of text \(there are 2\.\d+ KiB\)/)
  for (const text of [stdout, readFileSync(place.at('runs', 'small', 'report.html'), 'utf8')]) assert.match(text, sentence)
})

test('whatever fails in a late part, the report of what was done is written and named', async () => {
  mkdirSync(place.at('cache'), { recursive: true })
  writeFileSync(place.at('cache', 'ablations'), 'in the way')
  await refused(
    /warning: a part of the run failed; what was done before it is in runs\/late\/report\.html\nerror: /,
    'run',
    'tiny',
    '--name',
    'late',
    ...short,
  )
  assert.match(readFileSync(place.at('runs', 'late', 'report.html'), 'utf8'), /Bits per byte/)
})

test('settings and times outside their range are named with what is expected and what was given', async () => {
  const set = (...settings: readonly string[]) => ['pretrain', 'tiny', '--name', 'second', ...settings.flatMap((one) => ['--set', one])]
  await refused(
    /3 things are wrong\.[^]*name: expected letters, .*, got "\.\.\/x"[^]*training\.tokens: expected a whole number, 1 or more, got 0[^]*training\.optimizer\.beta1: expected a number of at least 0 and below 1, got 2/,
    ...set('training.tokens=0', 'training.optimizer.beta1=2', 'name=../x'),
  )
  for (const time of ['0s', '-5m', '5', '1x'])
    await refused(/--budget: expected a time with its unit, above zero, got /, 'pretrain', 'tiny', '--name', 'second', '--budget', time)
  assert.equal(existsSync(place.at('runs', 'second')), false)
})
