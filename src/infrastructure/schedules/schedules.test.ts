import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../base/errors.ts'
import { catalogue, createSchedule, durationViolations, scheduleNamed, scheduleViolations, type ScheduleRequest } from './catalogue.ts'
import { operationLabel, scheduleNames, type OperationKind, type Schedule, type ScheduleName } from './operations.ts'
import { simulate, uniformTiming, type Simulation } from './simulate.ts'

const unit = { forward: 1, backward: 2, weight: 1, overlapped: 3 }

const run = (request: ScheduleRequest, durations = unit, communication = {}) => {
  const schedule = createSchedule(request)
  return { schedule, simulation: simulate(schedule, uniformTiming(schedule.stageCount, durations, communication)) }
}

const labels = (schedule: Schedule, rank: number) => schedule.operations[rank].map(operationLabel).join(' ')
const countOf = (schedule: Schedule, rank: number, kind: OperationKind) =>
  schedule.operations[rank].filter((item) => item.kind === kind).length

describe('published operation lists', () => {
  const dualPipe = createSchedule({ name: 'dualpipe', rankCount: 8, microbatchCount: 20 })

  test('DualPipe with 8 ranks and 20 micro-batches: the list of rank 0', () => {
    assert.equal(
      labels(dualPipe, 0),
      'F0 F0 F0 F0 F0 F0 F0 F1 Bi1 W F1 Bi1 W F1 Bi1 W F1 [F0B1] [F1B0] [F0B1] [F1B0] [F0B1] [F1B0] B1 [F1B0] B1 [F1B0] B1 [F1B0] B1 Bi0 W Bi0 W Bi0 W Bi0 W',
    )
  })

  test('DualPipe with 8 ranks and 20 micro-batches: counts F/FB/Bi/W/B of ranks 0 to 3, mirrored in 7 to 4', () => {
    const counts = Array.from({ length: 8 }, (_, rank) =>
      (['F', 'FB', 'Bi', 'W', 'B'] as const).map((kind) => countOf(dualPipe, rank, kind)).join('/'),
    )
    const half = ['11/9/7/7/4', '10/10/6/6/4', '9/11/5/5/4', '9/11/4/4/5']
    assert.deepEqual(counts, [...half, ...half.toReversed()])
  })

  test('DualPipe feeds micro-batches from both ends and keeps a stage on two ranks', () => {
    const first = dualPipe.operations[0][0].forward!
    const last = dualPipe.operations[7][0].forward!
    assert.deepEqual([first.microbatch, first.stage, last.microbatch, last.stage], [0, 0, 10, 0])
  })

  test('DualPipeV folds the pipe: rank 0 holds the first and the last stage', () => {
    const schedule = createSchedule({ name: 'dualpipev', rankCount: 4, microbatchCount: 10 })
    const stages = new Set(schedule.operations[0].flatMap(({ forward }) => (forward ? [forward.stage] : [])))
    assert.deepEqual([...stages], [0, 7])
  })

  test('ZB1P splits nothing on rank 0 and delays weights by the rank elsewhere', () => {
    const schedule = createSchedule({ name: 'zb1p', rankCount: 4, microbatchCount: 6 })
    assert.equal(labels(schedule, 0), 'F0 F0 F0 F0 B0 F0 B0 F0 B0 B0 B0 B0')
    assert.equal(labels(schedule, 3), 'F0 Bi0 F0 Bi0 F0 Bi0 F0 B0 F0 B0 F0 Bi0 W W W W')
  })

  test('GPipe goes back in reverse order; 1F1B alternates after its warm-up', () => {
    const gpipe = createSchedule({ name: 'gpipe', rankCount: 2, microbatchCount: 3 })
    assert.deepEqual(
      gpipe.operations[1].map(({ forward, backward }) => (forward ?? backward)!.microbatch),
      [0, 1, 2, 2, 1, 0],
    )
    assert.equal(labels(createSchedule({ name: '1f1b', rankCount: 3, microbatchCount: 4 }), 0), 'F0 F0 F0 B0 F0 B0 B0 B0')
  })
})

describe('published makespans, bubbles and activations', () => {
  const cases: readonly [ScheduleName, number, number, typeof unit, number, number][] = [
    ['dualpipe', 8, 20, unit, 66, 6],
    ['dualpipe', 8, 20, { ...unit, overlapped: 2.5 }, 59, 4.5],
    ['dualpipe', 4, 8, unit, 26, 2],
    ['1f1b', 8, 20, unit, 81, 21],
    ['gpipe', 8, 20, unit, 81, 21],
    ['zb1p', 8, 20, unit, 67, 7],
  ]
  for (const [name, rankCount, microbatchCount, durations, makespan, idle] of cases) {
    test(`${name}, ${rankCount} ranks, ${microbatchCount} micro-batches, F&B ${durations.overlapped}: ${makespan} with ${idle} idle`, () => {
      const { simulation } = run({ name, rankCount, microbatchCount }, durations)
      assert.equal(simulation.makespan, makespan)
      assert.equal(simulation.maxIdle, idle)
      assert.equal(catalogue[name].bubble(rankCount, durations), idle)
    })
  }

  test('DualPipe holds P + 1 chunks on every rank', () => {
    assert.deepEqual(run({ name: 'dualpipe', rankCount: 8, microbatchCount: 20 }).simulation.peakActivations, Array(8).fill(9))
  })

  test('for every schedule the simulated bubble and peak equal the formulas', () => {
    for (const name of scheduleNames) {
      const request = { name, rankCount: 6, microbatchCount: 24, chunkCount: 3 }
      const { simulation } = run(request)
      assert.equal(simulation.maxIdle, catalogue[name].bubble(6, unit), name)
      assert.equal(Math.max(...simulation.peakActivations), catalogue[name].activations(6, 24, 3), name)
    }
  })
})

/** Requests that the catalogue accepts. */
const requests = fc
  .record({
    name: fc.constantFrom(...scheduleNames),
    rankCount: fc.integer({ min: 1, max: 9 }),
    microbatchCount: fc.integer({ min: 1, max: 30 }),
    chunkCount: fc.integer({ min: 2, max: 4 }),
  })
  .filter((request) => scheduleViolations(request).length === 0)

const durationsOf = fc
  .record({
    forward: fc.integer({ min: 1, max: 40 }),
    input: fc.integer({ min: 1, max: 40 }),
    weight: fc.integer({ min: 0, max: 40 }),
    share: fc.nat(100),
  })
  .map(({ forward, input, weight, share }) => {
    const backward = input + weight
    const least = Math.max(forward, backward)
    return { forward, backward, weight, overlapped: least + Math.floor(((forward + backward - least) * share) / 100) }
  })

/** Ends of forwards and input gradients by "microbatch/stage", and every pass once. */
function collect(schedule: Schedule, simulation: Simulation) {
  const forward = new Map<string, { start: number; end: number }>()
  const backward = new Map<string, { start: number; end: number }>()
  const weight = new Map<string, { start: number; end: number }>()
  const put = (map: typeof forward, key: string, value: { start: number; end: number }) => {
    assert.ok(!map.has(key), `${key} runs twice`)
    map.set(key, value)
  }
  for (const { operation, start, end } of simulation.timeline.flat()) {
    const key = (pass: { microbatch: number; stage: number }) => `${pass.microbatch}/${pass.stage}`
    if (operation.forward) put(forward, key(operation.forward), { start, end })
    if (operation.backward && operation.kind !== 'W') put(backward, key(operation.backward), { start, end })
    if (operation.backward && operation.kind !== 'Bi') put(weight, key(operation.backward), { start, end })
  }
  for (const map of [forward, backward, weight]) assert.equal(map.size, schedule.microbatchCount * schedule.stageCount)
  return { forward, backward, weight }
}

describe('properties of every schedule', () => {
  test('each forward, input gradient and weight gradient runs exactly once, in the order that the model demands', () => {
    fc.assert(
      fc.property(requests, durationsOf, fc.integer({ min: 0, max: 5 }), (request, durations, pointToPoint) => {
        const { schedule, simulation } = run(request, durations, { pointToPoint })
        const { forward, backward, weight } = collect(schedule, simulation)
        for (let microbatch = 0; microbatch < schedule.microbatchCount; microbatch++) {
          for (let stage = 0; stage < schedule.stageCount; stage++) {
            const key = `${microbatch}/${stage}`
            const next = `${microbatch}/${stage + 1}`
            assert.ok(backward.get(key)!.start >= forward.get(key)!.end, 'a forward precedes its backward')
            assert.ok(weight.get(key)!.end >= backward.get(key)!.end, 'an input gradient precedes its weight gradient')
            if (stage === schedule.stageCount - 1) continue
            assert.ok(forward.get(next)!.start >= forward.get(key)!.end, 'a stage waits for the one before')
            assert.ok(backward.get(key)!.start >= backward.get(next)!.end, 'a backward waits for the stage after')
          }
        }
      }),
      { numRuns: 150 },
    )
  })

  test('a rank does one thing at a time, and busy plus idle is the makespan', () => {
    fc.assert(
      fc.property(requests, durationsOf, (request, durations) => {
        const { schedule, simulation } = run(request, durations)
        simulation.timeline.forEach((list, rank) => {
          list.forEach(({ start, end }, at) => assert.ok(at === 0 || start >= list[at - 1].end, `overlap at ${start}..${end}`))
          const busy = list.reduce((sum, { start, end }) => sum + end - start, 0)
          assert.ok(Math.abs(busy + simulation.idle[rank] - simulation.makespan) < 1e-6)
        })
        // Work is conserved: with F&B = F + B nothing is hidden, so all ranks together do M x stages x (F + B).
        const plain = run(request, { ...durations, overlapped: durations.forward + durations.backward }).simulation
        const work = plain.timeline.flat().reduce((sum, { start, end }) => sum + end - start, 0)
        assert.equal(work, schedule.microbatchCount * schedule.stageCount * (durations.forward + durations.backward))
      }),
      { numRuns: 100 },
    )
  })

  test('a pipeline of one rank is sequential', () => {
    for (const name of ['gpipe', '1f1b', 'zb1p', 'interleaved', 'dualpipev'] as const) {
      const { schedule, simulation } = run({ name, rankCount: 1, microbatchCount: 5 })
      assert.equal(simulation.maxIdle, 0, name)
      assert.equal(simulation.makespan, 5 * schedule.stageCount * 3, name)
    }
  })

  test('point-to-point time delays and is reported as exposed communication', () => {
    const quick = run({ name: '1f1b', rankCount: 4, microbatchCount: 8 }).simulation
    const slow = run({ name: '1f1b', rankCount: 4, microbatchCount: 8 }, unit, { pointToPoint: 0.5 }).simulation
    assert.ok(slow.makespan > quick.makespan)
    assert.ok(slow.exposedCommunication.every((time) => time > 0))
    assert.ok(quick.exposedCommunication.every((time) => time === 0))
  })

  test('dispatch and combine lengthen what runs alone and not what is overlapped', () => {
    const { simulation } = run({ name: 'dualpipe', rankCount: 4, microbatchCount: 8 }, unit, { dispatch: 0.25, combine: 0.25 })
    const lengths = new Set(simulation.timeline.flat().map(({ operation, start, end }) => `${operation.kind} ${end - start}`))
    assert.deepEqual([...lengths].sort(), ['B 2.5', 'Bi 1.5', 'F 1.5', 'FB 3', 'W 1'])
  })

  test('a slow stage costs a bubble everywhere else', () => {
    const schedule = createSchedule({ name: '1f1b', rankCount: 4, microbatchCount: 12 })
    const timing = uniformTiming(4, unit)
    const forward = [1, 1, 2, 1]
    const simulation = simulate(schedule, { ...timing, forward })
    assert.ok(simulation.idle[2] < simulation.idle[0])
    assert.ok(simulation.makespan >= 12 * 4)
  })
})

describe('requests that cannot be', () => {
  test('every violation is named at once', () => {
    assert.throws(
      () => createSchedule({ name: 'dualpipe', rankCount: 7, microbatchCount: 9 }),
      (error: unknown) => error instanceof UsageError && /even number.*even number.*at least 2 x ranks = 14/s.test(error.message),
    )
  })
  test('counts out of range, fractions and NaN are rejected before anything is built', () => {
    for (const rankCount of [0, -1, 1.5, Number.NaN, 1e9]) {
      assert.throws(() => createSchedule({ name: '1f1b', rankCount, microbatchCount: 4 }), UsageError)
    }
    assert.throws(() => createSchedule({ name: 'gpipe', rankCount: 4096, microbatchCount: 65_536 }), /at most 4000000 passes/)
    assert.throws(() => createSchedule({ name: 'interleaved', rankCount: 4, microbatchCount: 6 }), /multiple of the 4 ranks/)
    assert.throws(() => createSchedule({ name: 'zb1p', rankCount: 4, microbatchCount: 3 }), /at least 4/)
  })
  test('durations that cannot be are named', () => {
    assert.equal(durationViolations({ forward: -1, backward: Number.NaN, weight: 1, overlapped: Infinity }).length, 3)
    assert.match(durationViolations({ forward: 1, backward: 2, weight: 3, overlapped: 1 }).join('\n'), /weight: .*\noverlapped: /)
    assert.deepEqual(durationViolations(unit), [])
  })
  test('names are found whatever their case, and by alias', () => {
    assert.equal(scheduleNamed('DualPipeV'), 'dualpipev')
    assert.equal(scheduleNamed('ZB-H1'), 'zb1p')
    assert.equal(scheduleNamed('pipe'), undefined)
  })
})
