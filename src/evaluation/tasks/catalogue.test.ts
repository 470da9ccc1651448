import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { Random } from '../../base/random.ts'
import { type CorpusDomain, makeDocument, prepareCorpus } from '../../pretraining/data/index.ts'
import { taskItems, taskNamed, tasks } from './catalogue.ts'
import type { TaskItem } from './item.ts'

let domains: readonly CorpusDomain[]
before(async () => {
  domains = (await prepareCorpus({ set: 'vendored', seed: 1, heldOutShare: 0.1 })).domains
})

const itemsOf = (name: string, most = 1000) => taskItems(taskNamed(name), domains, 1, most)

const domainOf = (...texts: string[]): CorpusDomain[] => [
  { name: 'own', weight: 1, train: [], heldOut: texts.map((text, index) => makeDocument('own', { id: `own/${index}`, text })) },
]

const answerOf = ({ choices, answerIndex }: TaskItem) => choices[answerIndex]

test('every task has items of one right answer and different wrong ones, all from held-out documents', () => {
  const heldOut = new Map(domains.flatMap((domain) => domain.heldOut.map(({ id, text }) => [id, text] as const)))
  for (const { name, scoring } of tasks) {
    const items = itemsOf(name)
    if (name === 'country-facts') continue
    assert.ok(items.length > 5, `${name} has ${items.length} items`)
    assert.equal(new Set(items.map(({ id }) => id)).size, items.length, `${name}: ids are unique`)
    for (const item of items) {
      assert.equal(item.task, name)
      assert.ok(heldOut.has(item.id.split('#')[0]), item.id)
      assert.equal(new Set(item.choices).size, item.choices.length)
      assert.ok(item.choices.every((choice) => choice.trim() !== ''))
      if (scoring === 'exact') assert.deepEqual([item.choices.length, item.answerIndex], [1, 0])
      else assert.ok(item.choices.length >= 2 && item.choices.length <= 4 && item.answerIndex < item.choices.length)
    }
  }
})

test('the same text and seed give the same items, fewer are some of them, and another seed asks otherwise', () => {
  for (const { name } of tasks) {
    const all = itemsOf(name)
    assert.deepEqual(itemsOf(name), all)
    for (const item of itemsOf(name, 7))
      assert.deepEqual(
        item,
        all.find(({ id }) => id === item.id),
      )
    assert.equal(itemsOf(name, 7).length, Math.min(7, all.length))
  }
  assert.notDeepEqual(taskItems(taskNamed('next-sentence'), domains, 2, 1000), itemsOf('next-sentence'))
})

test('the place of the right answer says nothing', () => {
  const places = [0, 0, 0, 0]
  for (const { answerIndex, choices } of itemsOf('definition')) if (choices.length === 4) places[answerIndex]++
  const total = places.reduce((sum, count) => sum + count, 0)
  // Four standard deviations of a fair draw.
  for (const count of places) assert.ok(Math.abs(count - total / 4) < 4 * Math.sqrt((total * 3) / 16), places.join(' '))
})

test('exercises are answered rightly, and their results cannot be copied', () => {
  for (const item of itemsOf('arithmetic')) {
    const [, a, sign, b] = /(-?\d+)\)? ([-+*/]|mod|plus|minus|times) (-?\d+)\)?(?: =|\? It is|\nA:)$/.exec(item.context)!
    const [x, y] = [Number(a), Number(b)]
    const results: Record<string, number> = {
      '+': x + y,
      plus: x + y,
      '-': x - y,
      minus: x - y,
      '*': x * y,
      times: x * y,
      '/': x / y,
      mod: x % y,
    }
    // "(3 + 4) * 5 - 6 =" ends in an equation whose left side is not its last operation alone.
    if (!/[-+*/] [^=]*[-+*/] \d+\)? =$/.test(item.context)) assert.equal(Number.parseInt(answerOf(item)), results[sign], item.context)
    assert.ok(!item.context.split(/[^\d-]+/).includes(`${Number.parseInt(answerOf(item))}`))
  }
})

test('a minimal pair differs in one place, and the right one is the text of the document', () => {
  const texts = domains.flatMap(({ heldOut }) => heldOut.map(({ text }) => text.replace(/\s+/g, ' ')))
  for (const item of itemsOf('grammar')) {
    const [right, wrong] = [answerOf(item), item.choices[1 - item.answerIndex]]
    assert.ok(texts.some((text) => text.includes(right)))
    const [a, b] = [right.split(' '), wrong.split(' ')]
    assert.equal(a.length, b.length)
    assert.ok(a.filter((word, index) => word !== b[index]).length <= 2)
  }
})

test('facts about countries are asked with the values of other countries', () => {
  const page = (name: string, region: string, capital: string) =>
    `${name}\n\nGeography\nLocation: somewhere in ${region}\nMap references: ${region}\n\nGovernment\nCapital, name: ${capital}; founded late`
  const own = domainOf(
    page('A', 'Europe', 'Aville'),
    page('B', 'Asia', 'Bville'),
    page('C', 'Africa', 'Cville'),
    page('D', 'Asia', 'Dville'),
  )
  const items = taskItems(taskNamed('country-facts'), own, 1, 100)
  assert.equal(items.length, 4, 'regions are only three, so capitals alone make four choices')
  const [first] = items
  assert.equal(answerOf(first), ' Aville')
  assert.match(first.context, /^A\n\nGeography\nLocation: somewhere in Europe\nCapital, name:$/)
})

test('documented values become choices of their own kind', () => {
  const own = domainOf(
    "f(1); // => 1\nf(2); // => 2\nf('a') //=> 'b'\ng([1]); // [1]\nh() // => true\nk() // => false\nprose() // => what comes then\nplain // note",
  )
  const items = taskItems(taskNamed('output-prediction'), own, 1, 100)
  assert.deepEqual(
    items.map((item) => [item.context.split('\n').at(-1), answerOf(item), item.choices.length]),
    [
      ['f(1); // =>', ' 1', 2],
      ['f(2); // =>', ' 2', 2],
      ['h() // =>', ' true', 2],
      ['k() // =>', ' false', 2],
    ],
  )
})

test('text that a task cannot be made of gives no items, and an unknown task is said', () => {
  for (const task of tasks) {
    assert.deepEqual(task.build(domainOf('', 'x', '\n\n', '1 + = 2', '"""""', 'Ünïcödé 🐋'), Random.seeded(1)), [])
  }
  assert.throws(() => taskNamed('mmlu'), /task: expected one of last-word, .*, got mmlu/)
})
