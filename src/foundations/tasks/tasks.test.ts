/** Tasks: their own answers are right, others are not, the sides never meet, and no blind guess beats the chance level. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import {
  chanceLevel,
  drawProblemOf,
  drawProblems,
  exactReward,
  formatReply,
  formatReward,
  isHeldOutProblem,
  parseReply,
  type Problem,
  score,
  sideOf,
  type Task,
  tasks,
  tasksNamed,
} from './index.ts'
import { parseExpression } from './expression.ts'

const levelsOf = (task: Task) => Array.from({ length: task.levelCount }, (_, level) => level)
const sample = (task: Task, level: number, count = 150) => {
  const rng = Random.seeded(7).fork(task.name)
  return Array.from({ length: count }, () => drawProblemOf(task, rng, 'train', level))
}
const named = (name: string) => tasksNamed([name])[0]
const problemOf = (task: string, answer: string): Problem => ({ id: `${task}/x`, task, level: 0, prompt: '', answer, reasoning: null })

test('the answer of each problem, with its reasoning, earns the whole reward', () => {
  for (const task of tasks)
    for (const level of levelsOf(task))
      for (const problem of sample(task, level)) {
        const { isCorrect, isWellFormed, reward } = score(problem, formatReply(problem.answer, problem.reasoning))
        assert.ok(isCorrect && isWellFormed && reward === exactReward + formatReward, `${problem.prompt} ${problem.answer}`)
      }
})

test('the answer of another problem is wrong, except where it happens to be the same', () => {
  for (const task of tasks)
    for (const level of levelsOf(task)) {
      const problems = sample(task, level)
      for (const [index, problem] of problems.entries()) {
        const { answer } = problems[(index + 1) % problems.length]
        if (answer !== problem.answer && task.name !== 'countdown') assert.equal(score(problem, formatReply(answer)).reward, formatReward)
      }
    }
})

test('answers are true, worked out from the prompt by other means', () => {
  const truths: Record<string, (prompt: string) => string | null> = {
    copy: (prompt) => prompt.replace('Copy: ', ''),
    reverse: (prompt) => [...prompt.replace('Reverse: ', '')].reverse().join(''),
    'sort-letters': (prompt) => prompt.replace('Sort: ', '').split(' ').sort().join(' '),
    'upper-case': (prompt) => prompt.replace('Upper case: ', '').toUpperCase(),
    'nth-letter': (prompt) => prompt.split(': ')[1].split(' ')[Number(/\d+/.exec(prompt)![0]) - 1],
    'count-letter': (prompt) => `${prompt.split(': ')[1].split(prompt['Count '.length]).length - 1}`,
    add: (prompt) =>
      `${/(\d+) \+ (\d+)/
        .exec(prompt)!
        .slice(1)
        .map(Number)
        .reduce((a, b) => a + b)}`,
    subtract: (prompt) =>
      `${/(\d+) - (\d+)/
        .exec(prompt)!
        .slice(1)
        .map(Number)
        .reduce((a, b) => a - b)}`,
    multiply: (prompt) =>
      `${/(\d+) \* (\d+)/
        .exec(prompt)!
        .slice(1)
        .map(Number)
        .reduce((a, b) => a * b)}`,
    compare: (prompt) => {
      const numbers = prompt.match(/[\d.]+/g)!.map(Number)
      return `${prompt.includes('larger') ? Math.max(...numbers) : Math.min(...numbers)}`
    },
    units: () => null,
    countdown: (prompt) => prompt,
  }
  for (const task of tasks)
    for (const level of levelsOf(task))
      for (const { prompt, answer } of sample(task, level)) {
        const truth = truths[task.name](prompt)
        if (task.name === 'countdown') {
          const [target, ...numbers] = prompt.match(/\d+/g)!.map(Number)
          const parsed = parseExpression(answer)!
          assert.deepEqual(parsed.value, [target, 1], prompt)
          assert.deepEqual(parsed.numbers.toSorted(), numbers.toSorted(), prompt)
        } else if (truth !== null) assert.equal(answer, truth, prompt)
      }
  assert.equal(named('units').draft(Random.seeded(1), 0).reasoning!.split(' = ')[1], named('units').draft(Random.seeded(1), 0).answer)
})

test('every equation in a worked answer is true', () => {
  for (const task of tasks)
    for (const level of levelsOf(task))
      for (const { reasoning, prompt } of sample(task, level))
        for (const equation of reasoning?.split(', ') ?? []) {
          const [left, right] = equation.split(' = ')
          assert.deepEqual(parseExpression(left)!.value, [Number(right), 1], `${prompt} ${equation}`)
        }
})

test('train and held-out problems never meet, whatever the seed', () => {
  const idsOf = (side: 'train' | 'held-out', seed: number) =>
    drawProblems(tasks, Random.seeded(seed), { side, count: 600 }).map((problem) => {
      assert.equal(sideOf(problem), side)
      return problem.id
    })
  const train = new Set([1, 2, 3].flatMap((seed) => idsOf('train', seed)))
  const heldOut = [4, 5, 6].flatMap((seed) => idsOf('held-out', seed))
  assert.deepEqual(
    heldOut.filter((id) => train.has(id)),
    [],
  )
})

test('the order of summands, factors and numbers does not make another problem', () => {
  const spellings = new Map<string, Set<string>>()
  for (const name of ['add', 'multiply', 'compare', 'countdown'])
    for (const { id, prompt } of sample(named(name), 0, 3000))
      spellings.set(id, (spellings.get(id) ?? new Set()).add(prompt.match(/\d+/g)!.join()))
  for (const name of ['add', 'multiply', 'compare', 'countdown'])
    assert.ok(
      [...spellings].some(([id, orders]) => id.startsWith(`${name}/`) && orders.size === 2),
      name,
    )
})

test('problems are distinct, in turn, the same for the same stream, and end when a task is used up', () => {
  const draw = (count: number) => drawProblems([named('add'), named('copy')], Random.seeded(3), { side: 'held-out', count })
  const problems = draw(60)
  assert.deepEqual(draw(60), problems)
  assert.deepEqual(draw(30), problems.slice(0, 30))
  assert.equal(new Set(problems.map(({ id }) => id)).size, 60)
  assert.deepEqual(
    problems.slice(0, 4).map(({ task }) => task),
    ['add', 'copy', 'add', 'copy'],
  )
  const sums = drawProblems([named('add')], Random.seeded(3), { side: 'held-out', count: 1000 })
  assert.ok(sums.length > 20 && sums.length < 80, `${sums.length} held-out sums`)
})

test('who always says the commonest answer does not beat the chance level', () => {
  for (const task of tasks)
    for (const level of levelsOf(task)) {
      const problems = sample(task, level, 1200)
      const counts = new Map<string, number>()
      for (const { answer } of problems) counts.set(answer, (counts.get(answer) ?? 0) + 1)
      const commonest = Math.max(...counts.values()) / problems.length
      const chance = chanceLevel(problems)
      // Four standard errors, and one in a hundred for a split that is not quite even.
      const slack = 4 * Math.sqrt((chance * (1 - chance)) / problems.length) + 0.01
      assert.ok(commonest <= chance + slack, `${task.name} at level ${level}: ${commonest} against ${chance}`)
    }
})

test('countdown takes every right expression and no other', () => {
  const problem = problemOf('countdown', '(8 - 3) * 2')
  const isRight = (answer: string) => score(problem, formatReply(answer)).isCorrect
  for (const answer of ['(8 - 3) * 2', '2*(8-3)', '((8-3))*2', ' 2 * ( 8 - 3 ) ']) assert.ok(isRight(answer), answer)
  for (const answer of ['10', '8 + 2', '8 - 3 * 2', '(8 - 3) * 2 * 1', '5 * 2', '(8 - 3) + (8 - 3)', '', 'x', '83 - 2', '(8 - 3) * 2 = 10'])
    assert.ok(!isRight(answer), answer)
  assert.ok(score(problemOf('countdown', '6 / 3'), formatReply('6 / 3')).isCorrect)
})

test('expressions are exact fractions, and what is no expression is null', () => {
  const valueOf = (text: string) => parseExpression(text)?.value ?? null
  assert.deepEqual(valueOf('1 / 3 * 3'), [1, 1])
  assert.deepEqual(valueOf('2 - 3 - 4'), [-5, 1])
  assert.deepEqual(valueOf('8 / 4 / 2'), [1, 1])
  assert.deepEqual(valueOf('0 / 5'), [0, 1])
  assert.deepEqual(valueOf('(1 - 3) / (2 - 6)'), [1, 2])
  const wrong = [
    '',
    ' ',
    '1 +',
    '+ 1',
    '1 2',
    '(1',
    '1)',
    '()',
    '1 / 0',
    '1 / (2 - 2)',
    '1e3',
    '0x10',
    '2 ** 3',
    '1,5',
    'a',
    '99999999999999999',
  ]
  for (const text of wrong) assert.equal(parseExpression(text), null, text)
  assert.equal(parseExpression(`${'('.repeat(90)}1${')'.repeat(90)}`), null)
  assert.equal(parseExpression('1+'.repeat(5000) + '1'), null)
})

test('property: an expression has the value that the engine computes, and no text makes the parser throw', () => {
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.nat(50).map(String),
      fc
        .tuple(tie('tree'), fc.constantFrom('+', '-', '*', '/'), tie('tree'))
        .map(([a, operator, b]) => `(${a as string} ${operator} ${b as string})`),
    ),
  }))
  fc.assert(
    fc.property(tree, (text) => {
      const parsed = parseExpression(text)
      // oxlint-disable-next-line no-eval -- the text is made of digits, brackets and operators above
      const expected = (0, eval)(text) as number
      if (parsed === null) return assert.ok(!Number.isFinite(expected) || text.length > 200 || Math.abs(expected) > 1e9 || /\//.test(text))
      assert.ok(Math.abs(parsed.value[0] / parsed.value[1] - expected) <= 1e-9 * Math.max(1, Math.abs(expected)))
    }),
  )
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseExpression(text)))
  fc.assert(
    fc.property(fc.array(fc.constantFrom('(', ')', '1', '23', '+', '-', '*', '/', ' ')), (parts) => void parseExpression(parts.join(''))),
  )
})

test('a reply is well-formed only as a thought at most and one answer', () => {
  const forms: [string, boolean, string | null][] = [
    ['<answer>4</answer>', true, '4'],
    ['<think>2 + 2</think><answer>4</answer>', true, '4'],
    [' <think>2 < 3</think>\n<answer> 4 </answer>\n', true, '4'],
    ['<answer></answer>', true, ''],
    ['It is <answer>4</answer>', false, '4'],
    ['<answer>4</answer>.', false, '4'],
    ['<answer>4</answer><answer>5</answer>', false, null],
    ['<think>a</think><think>b</think><answer>4</answer>', false, '4'],
    ['<answer>4</answer><think>late</think>', false, '4'],
    ['<answer>4', false, null],
    ['<answer><answer>4</answer>', false, '4'],
    ['4', false, null],
    ['', false, null],
  ]
  for (const [reply, isWellFormed, answer] of forms) assert.deepEqual(parseReply(reply), { isWellFormed, answer }, reply)
})

test('property: a written reply is read back, and no reply makes scoring throw or linger', () => {
  const plain = fc.string().filter((text) => !/<\/?(?:think|answer)>/.test(text))
  fc.assert(
    fc.property(plain, fc.option(plain), (answer, reasoning) => {
      assert.deepEqual(parseReply(formatReply(answer, reasoning)), { isWellFormed: true, answer: answer.trim() })
    }),
  )
  const problems = tasks.map((task) => sample(task, 0, 1)[0])
  const pieces = fc.constantFrom('<answer>', '</answer>', '<think>', '</think>', '3', ' + ', '(', 'k d m', '\n', '\ud800')
  fc.assert(
    fc.property(fc.constantFrom(...problems), fc.array(pieces), (problem, parts) => {
      const { reward } = score(problem, parts.join(''))
      assert.ok([0, formatReward, exactReward, exactReward + formatReward].includes(reward))
    }),
  )
  assert.equal(score(problems[0], '<answer>'.repeat(20_000)).reward, 0)
  assert.equal(score(problems[0], '<think>'.repeat(20_000)).reward, 0)
})

test('names that are no task are all told', () => {
  assert.throws(
    () => tasksNamed(['add', 'sums', 'chess']),
    (error: Error) =>
      error instanceof UsageError && /sums/.test(error.message) && /chess/.test(error.message) && /countdown/.test(error.message),
  )
})

test('the split takes its share', () => {
  const held = Array.from({ length: 20_000 }, (_, index) => isHeldOutProblem(`add/${index % 141}+${index}`, 0.2)).filter(Boolean).length
  assert.ok(Math.abs(held / 20_000 - 0.2) < 0.02, `${held}`)
})
