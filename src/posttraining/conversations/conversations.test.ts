/** Conversations: made from the right side of the corpus, the same for the same seed; one's own are read or refused line by line. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../base/errors.ts'
import { messageViolations, parseReply, tasks } from '../../foundations/index.ts'
import { type Corpus, type CorpusDomain, makeDocument, prepareCorpus } from '../../pretraining/index.ts'
import type { Conversation } from './conversation.ts'
import { makeConversations } from './make-conversations.ts'
import { readConversations } from './read-conversations.ts'

const corpus = await prepareCorpus({ set: 'vendored', seed: 1 })
const options = { seed: 1, count: 500, heldOutCount: 150 }
const made = makeConversations(corpus, options)

const folder = mkdtempSync(path.join(os.tmpdir(), 'strata-conversations-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const questionsOf = (list: readonly Conversation[]) =>
  list.flatMap(({ messages }) => messages.filter(({ role }) => role === 'user').map(({ content }) => content))
const documentsOf = ({ id }: Conversation) =>
  Array.from(id.matchAll(/(?:dictionary|countries|snippets|translations):([^+:]+)/g), ([, document]) => document)

test('the vendored corpus alone gives as many conversations as were asked for, all of them sound', () => {
  assert.equal(made.train.length, 500)
  assert.ok(made.heldOut.length > 130, `${made.heldOut.length} held out`)
  for (const { messages } of [...made.train, ...made.heldOut]) assert.deepEqual(messageViolations(messages, true), [])
  const { dictionary, countries, snippets, formatting, translations } = made.countsBySource
  assert.ok([dictionary, countries, snippets, formatting].every(({ train }) => train > 0))
  // The vendored corpus has no translations: tasks take their share.
  assert.deepEqual(translations, { train: 0, heldOut: 0 })
  assert.ok(made.countsBySource['multi-turn'].train === 50)
  assert.equal(
    Object.values(made.countsBySource).reduce((sum, { train }) => sum + train, 0),
    500,
  )
})

test('ids are unique, and the same seed gives the same conversations, another seed others', () => {
  for (const list of [made.train, made.heldOut]) assert.equal(new Set(list.map(({ id }) => id)).size, list.length)
  assert.deepEqual(makeConversations(corpus, options), made)
  assert.notDeepEqual(makeConversations(corpus, { ...options, seed: 2 }).train, made.train)
})

test('what is trained on comes from training documents only, what is held out from held-out ones', () => {
  const idsOf = (side: 'train' | 'heldOut') => new Set(corpus.domains.flatMap((domain) => domain[side].map(({ id }) => id)))
  const [train, heldOut] = [idsOf('train'), idsOf('heldOut')]
  const used = made.train.flatMap(documentsOf)
  assert.ok(used.length > 100)
  for (const id of used) assert.ok(train.has(id), id)
  for (const id of made.heldOut.flatMap(documentsOf)) assert.ok(heldOut.has(id), id)
})

test('no held-out question is trained on, whatever the seeds', () => {
  const trained = new Set([2, 3, 4].flatMap((seed) => questionsOf(makeConversations(corpus, { seed, count: 400 }).train)))
  const fromTasks = made.heldOut.filter(({ source }) => source === 'tasks' || source === 'formatting')
  assert.ok(fromTasks.length > 50)
  assert.deepEqual(
    questionsOf(fromTasks).filter((question) => trained.has(question)),
    [],
  )
  const ownQuestions = new Set(questionsOf(made.train))
  assert.deepEqual(
    questionsOf(made.heldOut).filter((question) => ownQuestions.has(question)),
    [],
  )
})

test('every task is there at its easiest level, answered in the form that is rewarded', () => {
  const small = makeConversations(corpus, { seed: 9, count: 40 }).train
  const keys = small.map(({ id }) => id).join(' ')
  for (const { name } of tasks) assert.ok(keys.includes(`tasks:${name}/`), name)
  for (const { messages } of made.train.filter(({ source }) => source === 'tasks')) assert.ok(parseReply(messages[1].content).isWellFormed)
})

test('documents of the fetched sources become questions and answers', () => {
  const domain = (name: string, documents: [string, string][]): CorpusDomain => ({
    name,
    weight: 1,
    train: documents.map(([id, text]) => makeDocument(name, { id, text })),
    heldOut: [],
  })
  const factbook =
    'Chile\n\nGeography\nLocation: Southern South America, bordering the South Pacific Ocean\nArea, total: 756,102 sq km\n\nGovernment\nCapital, name: Santiago; note - Valparaiso is the seat\nInternet country code: .cl'
  const small: Pick<Corpus, 'domains'> = {
    domains: [
      domain('facts', [
        ['factbook/south-america/ci', factbook],
        ['factbook/world/xx', 'Introduction\nBackground: no name'],
        ['wordnet/noun-1', 'pebble, stone (noun): a small smooth rounded rock; "she threw a pebble"\nrock (noun): a rock of rock'],
      ]),
      domain('code', [
        ['snippets/double', '// Doubles a number.\n//\n// - Use it.\n\nconst double = n => n * 2;\n\ndouble(2); // 4'],
        ['snippets/cut', '// Opens a block.\n\nconst cut = () => {\n\n  return 1;\n};'],
      ]),
      domain('multilingual', [
        ['typescript-messages/X_1', "English: ';' expected.\nDeutsch: \";\" wurde erwartet.\n日本語: ';' が必要です。"],
      ]),
    ],
  }
  const { train } = makeConversations(small, { seed: 1, count: 300 })
  const answers = new Map(
    train.flatMap(({ messages }) =>
      messages.flatMap(({ role, content }, index) => (role === 'user' ? [[content, messages[index + 1].content]] : [])),
    ),
  )
  assert.equal(answers.get('What is the capital of Chile?'), 'The capital of Chile is Santiago.')
  assert.equal(answers.get('How large is Chile?'), 'The area of Chile is 756,102 sq km.')
  assert.equal(answers.get('What is the internet country code of Chile?'), 'The internet country code of Chile is .cl')
  assert.equal(answers.get('Where is Chile?'), 'Southern South America, bordering the South Pacific Ocean.')
  assert.equal(answers.get('Write JavaScript: Doubles a number.'), 'const double = n => n * 2;')
  assert.equal(answers.get("Translate into German: ';' expected."), '";" wurde erwartet.')
  const meaning = 'a small smooth rounded rock'
  const asked = [...answers].filter(([question, answer]) => question.includes(meaning) || answer === `${meaning}.`)
  assert.equal(asked.length, 1)
  const questions = [...answers.keys()].join('\n')
  assert.ok(!questions.includes('Opens a block') && !questions.includes('Introduction') && !questions.includes('rock of rock'))
})

test('impossible counts are all told', () => {
  assert.throws(
    () => makeConversations(corpus, { seed: 1, count: -1, heldOutCount: 0.5 }),
    (error: Error) => error instanceof UsageError && /count: .*-1/.test(error.message) && /heldOutCount: .*0\.5/.test(error.message),
  )
})

const write = (text: string) => {
  const file = path.join(folder, 'own.jsonl')
  writeFileSync(file, text)
  return file
}

test('the three shapes of the field are read', () => {
  const file = write(
    [
      '\ufeff{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "extra": 1}], "id": 7}',
      '{"prompt": "q", "completion": "a"}',
      '',
      '{"prompt": "q", "answer": "a"}',
    ].join('\r\n'),
  )
  const pair = [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: 'a' },
  ]
  assert.deepEqual(readConversations(file), [
    { id: `${file}:1`, source: file, messages: [{ role: 'system', content: 's' }, ...pair] },
    { id: `${file}:2`, source: file, messages: pair },
    { id: `${file}:4`, source: file, messages: pair },
  ])
})

test('every faulty line is named with what was expected', () => {
  const file = write(
    [
      '{"prompt": "q", "answer": "a"}',
      '{"prompt": "q"',
      '{"messages": [{"role": "robot", "content": "x"}, {"role": "assistant", "content": "y"}]}',
      '{"messages": [{"role": "user", "content": "x"}]}',
      '{"text": "x"}',
      '{"prompt": 3, "answer": ""}',
      '[1]',
      '{"messages": []}',
      '{"messages": "x"}',
      '{"messages": [{"role": "system", "content": "x"}, {"role": "assistant", "content": "y"}]}',
      '{"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": " "}, {"role": "assistant", "content": "y"}]}',
      '{"messages": [{"role": "assistant", "content": "y"}, {"role": "user", "content": "x"}]}',
      '{"prompt": "q", "completion": null, "answer": "a"}',
    ].join('\n'),
  )
  assert.throws(
    () => readConversations(file),
    (error: Error) => {
      assert.ok(error instanceof UsageError)
      const expected = [
        'line 2: expected JSON',
        'line 3: message 1: expected the role system, user, assistant, tool, got "robot"',
        'line 4: messages: expected an answer by the assistant, got none',
        'line 5: expected messages, or prompt with completion or answer, got text',
        'line 6: prompt: expected text as content',
        'line 6: answer: expected an answer, got empty text',
        'line 7: expected an object',
        'line 8: messages: expected at least one, got none',
        'line 9: messages: expected a list',
        'line 10: messages: expected a question by the user, got none',
        'line 11: message 2: expected a question, got empty text',
        'line 12: messages: expected an answer behind a question, got none',
        'line 13: completion: expected text as content, got null',
      ]
      for (const part of expected) assert.ok(error.message.includes(part), `${part} in ${error.message}`)
      return !error.message.includes('line 1:')
    },
  )
  assert.throws(() => readConversations(write('{}\n'.repeat(50))), /50 things are wrong[^]*and 30 more\n/)
  assert.throws(() => readConversations(write('\n\n')), /expected conversations, got none/)
  assert.throws(
    () => readConversations(path.join(folder, 'absent.jsonl')),
    /absent\.jsonl: expected a file .*, got nothing there\. Check the path/,
  )
  assert.throws(() => readConversations(folder), /expected a file, got a folder/)
})

test('a byte order mark, carriage returns and blank lines do no harm; what is no text in UTF-8 is refused', () => {
  const line = '{"prompt": "q", "answer": "a"}'
  assert.equal(readConversations(write(`\uFEFF${line}\r\n\r\n${line}\r\n`)).length, 2)
  const file = path.join(folder, 'bytes.jsonl')
  for (const [bytes, message] of [
    [[0x7b, 0, 1, 2], /expected text, got a binary file/],
    [[0xff, 0xfe, 0x7b, 0], /expected UTF-8, got UTF-16/],
    [[0x22, 0xe4, 0x22], /expected UTF-8, got invalid bytes at offset 1/],
  ] as const) {
    writeFileSync(file, new Uint8Array(bytes))
    assert.throws(() => readConversations(file), { name: 'UsageError', message })
  }
})

test('property: whatever a line holds, it is read or refused by its number', () => {
  const message = fc.record({
    role: fc.oneof(fc.constantFrom('user', 'assistant', 'system'), fc.jsonValue()),
    content: fc.oneof(fc.string(), fc.jsonValue()),
  })
  const record = fc.oneof(
    fc.jsonValue(),
    fc.record({ messages: fc.array(message) }),
    fc.record({ prompt: fc.jsonValue(), answer: fc.jsonValue() }),
  )
  fc.assert(
    fc.property(
      fc.oneof(
        record.map((value) => JSON.stringify(value)),
        fc.string({ unit: 'binary' }),
      ),
      (line) => {
        const file = write(
          `{"prompt": "q", "answer": "a"}\n${['\n', '\r', '\0'].reduce((text, mark) => text.replaceAll(mark, ' '), line)}\n`,
        )
        try {
          for (const { messages } of readConversations(file)) assert.deepEqual(messageViolations(messages, true), [])
        } catch (error) {
          assert.ok(error instanceof UsageError && error.message.includes('line 2'), String(error))
        }
      },
    ),
  )
})
