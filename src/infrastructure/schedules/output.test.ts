import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createSchedule } from './catalogue.ts'
import { chromeTrace, pairTrace } from './chrome-trace.ts'
import { runLengths, scheduleDocument, scheduleText } from './describe.ts'
import { overlapPair, type LayerDurations } from './pair-lanes.ts'
import { simulate, uniformTiming } from './simulate.ts'
import { timelineSvg } from './timeline-svg.ts'

const durations = { forward: 1, backward: 2, weight: 1, overlapped: 3 }
const schedule = createSchedule({ name: 'dualpipe', rankCount: 8, microbatchCount: 20 })
const simulation = simulate(schedule, uniformTiming(8, durations))

describe('what a simulation is shown as', () => {
  test('the document carries the interface of `strata schedule --json`', () => {
    const document = scheduleDocument(schedule, simulation, durations)
    assert.equal(document.makespan, 66)
    assert.deepEqual(document.idle, Array(8).fill(6))
    assert.equal(document.maxIdle, 6)
    assert.equal(document.formulaBubble, 6)
    assert.deepEqual(document.peakActivations, Array(8).fill(9))
    assert.equal(document.operations.length, 8)
    assert.deepEqual(document.operations[0][0], {
      operation: 'F0',
      kind: 'F',
      forward: { microbatch: 0, stage: 0 },
      start: 0,
      end: 1,
    })
  })

  test('the table folds repetitions', () => {
    assert.equal(runLengths(['F0', 'F0', 'F0', 'F1']), 'F0 x3, F1')
    assert.equal(runLengths(['Bi1', 'W', 'F1', 'Bi1', 'W', 'F1']), '(Bi1 W F1) x2')
    assert.match(scheduleText(scheduleDocument(schedule, simulation, durations)), /formula {7}6 = \(P\/2-1\)\(F&B\+B-3W\)/)
  })

  test('the figure is a well-formed SVG with a block for each pass and stays inside its frame', () => {
    const svg = timelineSvg(schedule, simulation)
    const passes = simulation.timeline.flat().reduce((sum, { operation }) => sum + (operation.kind === 'FB' ? 2 : 1), 0)
    const blocks = [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="[\d.]+" fill="#[0-9a-f]{6}" stroke="#fff"/g)]
    assert.equal(blocks.length, passes)
    assert.ok(blocks.every(([, left, , width]) => Number(left) >= 64 && Number(left) + Number(width) <= 1176.1))
    assert.equal(svg.match(/<text/g)!.length, svg.match(/<\/text>/g)!.length)
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/)
  })

  test('the trace has one complete event an operation, in microseconds, and names its ranks', () => {
    const trace = chromeTrace(schedule, simulation, 500)
    const complete = trace.traceEvents.filter(({ ph }) => ph === 'X')
    assert.equal(complete.length, schedule.operations.flat().length)
    assert.equal(Math.max(...complete.map(({ ts, dur }) => ts! + dur!)), 66 * 500)
    assert.ok(trace.traceEvents.some(({ ph, args }) => ph === 'M' && args?.['name'] === 'rank 7'))
    assert.deepEqual(JSON.parse(JSON.stringify(trace)), trace)
  })
})

const layer: LayerDurations = {
  attentionForward: 4,
  attentionBackward: 8,
  attentionWeight: 2,
  mlpForward: 4,
  mlpBackward: 5,
  mlpWeight: 4,
  dispatchForward: 2,
  combineForward: 3,
  combineBackward: 2,
  dispatchBackward: 3,
}

describe('lanes inside an overlapped pair', () => {
  const pair = overlapPair(layer, { forwardLayerCount: 4, backwardLayerCount: 4 })

  test('communication of up to the other micro-batch’s compute is hidden, and what is longer is exposed', () => {
    assert.equal(pair.computeBusy, 4 * 27)
    assert.equal(pair.communicationBusy, 4 * 10)
    assert.equal(pair.exposedCommunication, 0)
    const slow = overlapPair({ ...layer, dispatchForward: 12 }, { forwardLayerCount: 4, backwardLayerCount: 4 })
    assert.ok(slow.exposedCommunication > 0)
    assert.equal(slow.duration, slow.computeBusy + slow.exposedCommunication)
  })

  test('tasks respect their needs: experts wait for dispatch, attention for the combine of the layer before', () => {
    const at = (name: string, layerIndex: number) => pair.tasks.find((task) => task.name === name && task.layer === layerIndex)!
    for (let index = 0; index < 4; index++) {
      assert.ok(at('dispatchForward', index).start >= at('attentionForward', index).end)
      assert.ok(at('mlpForward', index).start >= at('dispatchForward', index).end)
      assert.ok(at('mlpBackward', index).start >= at('combineBackward', index).end)
      if (index > 0) assert.ok(at('attentionForward', index).start >= at('combineForward', index - 1).end)
      if (index > 0) assert.ok(at('combineBackward', index).start >= at('attentionBackward', index - 1).end)
    }
  })

  test('without compute the network is all that is left; SMs given to it stretch compute', () => {
    const bare = Object.fromEntries(
      Object.entries(layer).map(([name, time]) => [name, /mlp|attention/.test(name) ? 0 : time]),
    ) as unknown as LayerDurations
    assert.equal(overlapPair(bare, { forwardLayerCount: 2, backwardLayerCount: 2 }).duration, 20)
    const stretched = overlapPair(layer, { forwardLayerCount: 4, backwardLayerCount: 4, communicationSmShare: 0.25 })
    assert.ok(Math.abs(stretched.computeBusy - (4 * 27) / 0.75) < 1e-9)
  })

  test('chunks of different depth and sending to the next rank are part of a pair', () => {
    const uneven = overlapPair(layer, { forwardLayerCount: 1, backwardLayerCount: 3, pointToPoint: 1 })
    assert.equal(uneven.tasks.filter(({ name }) => name === 'attentionForward').length, 1)
    assert.equal(uneven.tasks.filter(({ name }) => name === 'attentionBackward').length, 3)
    assert.equal(uneven.tasks.filter(({ name }) => name.startsWith('send')).length, 2)
  })

  test('its trace has the two lanes', () => {
    const trace = pairTrace(pair)
    assert.deepEqual([...new Set(trace.traceEvents.filter(({ ph }) => ph === 'X').map(({ tid }) => tid))].sort(), [0, 1])
  })
})
