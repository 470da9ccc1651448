/** A model in somebody's program: every mistake that can be mended is a UsageError in the house's form, and a conversation is remembered. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { createModel, presets } from '../architecture/index.ts'
import { Random } from '../base/random.ts'
import { Machine } from '../compute/index.ts'
import { type ChatMessage, initialize, trainTokenizer } from '../foundations/index.ts'
import { writeModelFolder } from '../infrastructure/index.ts'
import { type GenerationOptions, openModel, Sequence, UsageError } from './index.ts'

const place = mkdtempSync(path.join(tmpdir(), 'strata-open-'))
const at = (...names: string[]) => path.join(place, ...names)
const folder = at('model')
after(() => rmSync(place, { recursive: true, force: true }))

before(async () => {
  const machine = await Machine.start({ threads: 1 })
  const tokenizer = trainTokenizer(['How many cm are 7 m? A plain sentence, and another one behind it. '.repeat(20)], { vocabSize: 400 })
  const model = createModel(machine, { ...presets.tiny, maxLength: 256 }, { withGradients: false })
  initialize(model.parameters.set, 0.2, Random.seeded(1))
  writeModelFolder(folder, model, tokenizer)
  machine.close()
})

/** The message of the house's error, whatever the compiler would have said to the call. */
async function mistake(call: () => unknown): Promise<string> {
  try {
    await call()
  } catch (error) {
    assert.ok(error instanceof UsageError, `${String(error)} is no UsageError`)
    assert.equal(error.name, 'UsageError')
    return error.message
  }
  throw new Error('expected an error')
}

const open = openModel as (...given: readonly unknown[]) => ReturnType<typeof openModel>
const question: ChatMessage[] = [{ role: 'user', content: 'How many cm?' }]

test('what cannot be opened says what was expected, what is there, and what to do', async () => {
  mkdirSync(at('empty'))
  mkdirSync(at('begun'))
  writeFileSync(at('begun', 'recipe.json'), '{}')
  writeFileSync(at('text.txt'), 'text')
  assert.match(await mistake(() => open(at('nothing'))), /nothing: expected a model folder.*, got nothing there\. Check the path\./)
  assert.match(await mistake(() => open(at('text.txt'))), /text\.txt: expected a folder with weights, got a file\. Give the folder/)
  assert.match(await mistake(() => open(at('empty'))), /empty: expected a model folder.*, got a folder without config\.json\./)
  const begun =
    /begun: expected a run that has written its model, got one without a model folder\. Let it finish: strata run .*begun --resume\./
  assert.match(await mistake(() => open(at('begun'))), begun)
  for (const wrong of [undefined, null, 3, '', new URL('file:///x')])
    assert.match(
      await mistake(() => open(wrong)),
      /^openModel: expected the path of a folder, got .*\. For example openModel\('runs\/first'\)\.$/,
    )
})

test('options are those that there are, within their ranges', async () => {
  for (const threads of [0, 1.5, -1, 1e6, '2', null, Number.NaN])
    assert.match(await mistake(() => open(folder, { threads })), /^threads: expected a whole number from 1 to 256, got /)
  assert.match(await mistake(() => open(folder, { threads: '2' })), /got "2"\./)
  assert.match(await mistake(() => open(folder, { thread: 2 })), /thread: there is no such option\. Did you mean "threads"\?/)
  for (const wrong of [null, 'fast', 2])
    assert.match(await mistake(() => open(folder, wrong)), /^openModel: expected an object of options, got /)
  using model = await open(folder, { threads: undefined })
  const ask = (options: unknown) => mistake(() => model.reply(question, options as Partial<GenerationOptions>))
  assert.match(
    await ask({ temprature: 0, topP: 2 }),
    /2 things are wrong\.\n.*temprature: there is no such option\. Did you mean "temperature"\?\n.*topP: /,
  )
  assert.match(await ask({ temperature: '0' }), /temperature: expected a number from 0 to 100, got "0"/)
  for (const wrong of [null, 'greedy']) assert.match(await ask(wrong), /^generation: expected an object of options, got /)
  assert.equal(model.reply(question, { temperature: undefined, maxTokens: 1 }).next().done, false)
})

test('messages and texts that are none are refused', async () => {
  using model = await open(folder, { threads: 1 })
  const reply = model.reply as (messages?: unknown) => unknown
  for (const wrong of [undefined, 'hello', null, {}])
    assert.match(await mistake(() => reply(wrong)), /^conversation: .*\n.*messages: expected a list, got /)
  assert.match(await mistake(() => reply([null])), /message 1: expected \{ role, content \}, got null/)
  assert.match(
    await mistake(() => reply([{ role: 'user', content: 3 }])),
    /message 1: expected text as content, got a value of type number/,
  )
  for (const wrong of [undefined, 3])
    assert.match(await mistake(() => (model.complete as (text?: unknown) => unknown)(wrong)), /^complete: expected a text, got /)
})

test('a model that is closed says so, in the middle of a text too', async () => {
  const model = await open(folder, { threads: 2 })
  const pieces = model.complete('How many', { maxTokens: 20 })
  pieces.next()
  model.close()
  model.close()
  const closed = /model: expected an open model, got one that was closed\. Open it again, or close it later\./
  assert.match(await mistake(() => pieces.next()), closed)
  assert.match(await mistake(() => model.complete('How')), closed)
  assert.match(await mistake(() => model.reply(question)), closed)
})

test('a conversation that is remembered gets the same replies, and computes what is new alone', async () => {
  using model = await open(folder, { threads: 1 })
  const converse = (sequence?: Sequence) => {
    const messages: ChatMessage[] = []
    return ['How many cm are 7 m?', 'And 8 m?', 'Another sentence, please.'].map((content) => {
      messages.push({ role: 'user', content })
      const pieces = model.reply(messages, { temperature: 0, maxTokens: 20 }, sequence)
      let text = ''
      let next = pieces.next()
      for (; !next.done; next = pieces.next()) text += next.value.text
      messages.push({ role: 'assistant', content: 'A plain sentence.' })
      const { promptTokens, prefilledTokens } = next.value
      return { text, promptTokens, prefilledTokens }
    })
  }
  const sequence = new Sequence(model.model)
  const [anew, remembered] = [converse(), converse(sequence)]
  sequence.free()
  assert.equal(new Set(anew.map(({ text }) => text)).size, 3)
  assert.deepEqual(
    remembered.map(({ text }) => text),
    anew.map(({ text }) => text),
  )
  const computed = (turns: typeof anew) => turns.map(({ prefilledTokens }) => prefilledTokens)
  const lengths = anew.map(({ promptTokens }) => promptTokens)
  assert.deepEqual(computed(anew), lengths)
  assert.deepEqual(
    computed(remembered),
    lengths.map((length, turn) => length - (lengths[turn - 1] ?? 0)),
  )
})
