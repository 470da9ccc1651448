import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../base/random.ts'
import { drawProblem, numberWords, problemKinds } from './maths-problems.ts'
import { generateMaths } from './synthetic-maths.ts'

/** Value of an expression of whole numbers, by the usual precedence: written apart from the generators. */
function valueOf(expression: string): number {
  const tokens = expression.match(/\d+|[-+*/%()]/g) ?? []
  let at = 0
  const atom = (): number => {
    const token = tokens[at++]
    if (token === '-') return -atom()
    if (token !== '(') return Number(token)
    const value = sum()
    at++
    return value
  }
  const product = (): number => {
    let value = atom()
    for (let sign = tokens[at]; sign === '*' || sign === '/' || sign === '%'; sign = tokens[at]) {
      at++
      value = sign === '*' ? value * atom() : sign === '/' ? value / atom() : value % atom()
    }
    return value
  }
  const sum = (): number => {
    let value = product()
    while (tokens[at] === '+' || tokens[at] === '-') value = tokens[at++] === '+' ? value + product() : value - product()
    return value
  }
  return sum()
}

test('every equation of every kind holds', () => {
  let equations = 0
  for (const { name, generate } of problemKinds) {
    const rng = Random.seeded(3).fork(name)
    for (let i = 0; i < 300; i++) {
      const problem = generate(rng)
      for (const [chain] of problem
        .replaceAll(' mod ', ' % ')
        .matchAll(/(?:[-(]*\d+\)*(?: [-+*/%] )?)+(?: = (?:[-(]*\d+\)*(?: [-+*/%] )?)+)+/g)) {
        const values = chain.split(' = ').map(valueOf)
        assert.ok(
          values.every((value) => value === values[0]),
          `${name}: ${problem}`,
        )
        equations++
      }
    }
  }
  assert.ok(equations > 1500, `${equations} equations were seen`)
})

test('shares of the kinds sum to one and all kinds occur', () => {
  assert.ok(Math.abs(problemKinds.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-12)
  const rng = Random.seeded(1)
  const problems = Array.from({ length: 500 }, () => drawProblem(rng)).join('\n')
  for (const mark of ['carry', 'larger', 'mod', 'percent', 'comes next', 'in words', 'friends', 'euros', 'kilometres'])
    assert.match(problems, new RegExp(mark))
})

test('numbers are spelled', () => {
  assert.deepEqual([0, 7, 19, 20, 42, 100, 742].map(numberWords), [
    'zero',
    'seven',
    'nineteen',
    'twenty',
    'forty-two',
    'one hundred',
    'seven hundred and forty-two',
  ])
})

test('a seed gives the same pages, another seed others', () => {
  assert.deepEqual(generateMaths(5, 20_000), generateMaths(5, 20_000))
  assert.notDeepEqual(generateMaths(5, 20_000), generateMaths(6, 20_000))
})

test('no held-out problem occurs in training, whatever the seed', () => {
  const problems = (seed: number, isHeldOut: boolean) =>
    generateMaths(seed, 200_000)
      .filter((page) => page.isHeldOut === isHeldOut)
      .flatMap(({ text }) => text.split('\n\n'))
  const heldOut = new Set(problems(1, true))
  assert.ok(heldOut.size > 20)
  assert.deepEqual(
    [...problems(1, false), ...problems(2, false)].filter((problem) => heldOut.has(problem)),
    [],
  )
})
