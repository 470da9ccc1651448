import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes } from '../../base/format.ts'
import { createSchedule, simulate, uniformTiming } from '../../infrastructure/index.ts'
import { figureWidths } from '../blocks.ts'
import type { Drawing } from '../types.ts'
import { placeAxis } from './axis.ts'
import { barChart, bucketed, dotPlot, heatMap, lineChart, roofline, scheduleTimeline, stackedBars } from './index.ts'
import { spreadLabels } from './spread-labels.ts'
import { textWidth, wrap } from './svg.ts'

const words = { title: 'A & title', description: 'What can be seen.' }
const schedule = createSchedule({ name: 'dualpipe', rankCount: 4, microbatchCount: 8 })
const simulation = simulate(schedule, uniformTiming(4, { forward: 1, backward: 2, weight: 1, overlapped: 3 }))

const drawings: Readonly<Record<string, Drawing>> = {
  lineChart: lineChart({
    ...words,
    x: { label: 'position, tokens', scale: 'log2' },
    y: { label: 'loss, nats a token' },
    series: ['one', 'a rather long name'].map((name, index) => ({
      name,
      points: [1, 2, 4, 8, 16].map((x) => [x, 5 - 0.1 * x + index] as const),
      band: [1, 16].map((x) => [x, 4, 6] as const),
    })),
    references: [
      { name: 'window', x: 8 },
      { name: 'knowing nothing', y: 8.3 },
    ],
  }),
  dotPlot: dotPlot({
    ...words,
    x: { label: 'difference, nats: below zero it is better with the mechanism than without' },
    reference: { value: 0, name: 'none' },
    rows: [
      { heading: 'loss', name: 'with a name of several words that has to be broken', value: -0.02, low: -0.05, high: 0.01, published: 0 },
      { name: 'without interval', value: 0.3, chance: 0.25 },
    ],
  }),
  barChart: barChart({ ...words, x: { label: 'bytes a token', format: formatBytes }, rows: [{ name: 'latent', value: 1152 }] }),
  stackedBars: stackedBars({
    ...words,
    x: { label: 'microseconds' },
    rows: [
      {
        name: '128 tokens',
        parts: [
          { name: 'weights', value: 3 },
          { name: 'cache', value: 1 },
        ],
      },
    ],
  }),
  heatMap: heatMap({
    ...words,
    rowTitle: 'depth',
    columnTitle: 'length',
    rows: ['0', '1'],
    columns: ['128', '4096'],
    values: [
      [1, null],
      [0.5, 0],
    ],
    label: 'found',
  }),
  roofline: roofline({
    ...words,
    ceilings: { gflops: 120, gigabytesPerSecond: 20 },
    points: [{ name: 'decoding', flopsPerByte: 0.3, gflops: 3 }],
  }),
  scheduleTimeline: scheduleTimeline({ ...words, schedule, simulation, unit: 'forward passes' }),
}

for (const [name, drawing] of Object.entries(drawings)) {
  test(`${name}: alternative text, finite coordinates, names inside the figure, at both widths`, () => {
    for (const width of Object.values(figureWidths)) {
      const { markup } = drawing(width)
      assert.match(markup, /role="img"><title>A &amp; title<\/title><desc>What can be seen\.<\/desc>/)
      assert.doesNotMatch(markup, /NaN|Infinity|undefined/)
      for (const [, x, rest, text] of markup.matchAll(/<text x="([\d.-]+)"([^>]*)>([^<]*)</g)) {
        if (rest.includes('rotate')) continue
        const size = textWidth(text)
        const left = Number(x) - (rest.includes('"end"') ? size : rest.includes('"middle"') ? size / 2 : 0)
        assert.ok(left >= -16 && left + size <= width + 16, `“${text}” from ${left} to ${left + size} of ${width}`)
      }
    }
  })
}

test('the name of a roofline’s slope lies clear of it', () => {
  for (const width of Object.values(figureWidths)) {
    const { markup } = drawings['roofline'](width)
    const [, x, y, angle, , centre] = /<text x="([\d.]+)" y="([\d.]+)"[^>]*rotate\((-?[\d.]+) ([\d.]+) ([\d.]+)\)/.exec(markup)!.map(Number)
    const points = Array.from(/<path d="M([^"]*)" class="line s-ink"/.exec(markup)![1].matchAll(/([\d.]+) ([\d.]+)/g), (pair) =>
      pair.slice(1).map(Number),
    )
    const [[left, low], [right, high]] = points
    // What the rotation leaves in its place is on the slope, and the text begins above it, at a right angle to it.
    assert.ok(Math.abs(low + ((x - left) * (high - low)) / (right - left) - centre) < 1, `turned about ${x}, ${centre}`)
    assert.ok(Math.abs((Math.atan2(high - low, right - left) * 180) / Math.PI - angle) < 1)
    assert.ok(centre - y >= 8, `${centre - y} pixels`)
  }
})

test('names of upright lines keep clear of other upright lines where there is room', () => {
  const references = [
    { name: 'published, about 1', x: 1 },
    { name: 'here, 0.73', x: 0.73 },
  ]
  const drawn = lineChart({
    ...words,
    x: { label: 'ratio', from: 0, to: 3 },
    y: { label: 'step' },
    series: [
      {
        name: 'one',
        points: [
          [0, 1],
          [3, 2],
        ],
      },
    ],
    references,
  })
  const { markup } = drawn(figureWidths.page)
  const lines = Array.from(markup.matchAll(/<path d="M([\d.]+) [^"]*" class="reference/g), ([, x]) => Number(x))
  assert.equal(lines.length, 2)
  for (const { name } of references) {
    const [, x, rest] = new RegExp(`<text x="([\\d.]+)"([^>]*)>${name}<`).exec(markup)!
    const left = Number(x) - (rest.includes('"end"') ? textWidth(name) : 0)
    for (const line of lines) assert.ok(line <= left || line >= left + textWidth(name), name)
  }
})

test('lines that lie on each other are told apart: the first is on top, bands below all', () => {
  const points = [
    [0, 1],
    [1, 2],
  ] as const
  const band = [
    [0, 0, 2],
    [1, 1, 3],
  ] as const
  const { markup } = lineChart({
    ...words,
    x: { label: 'x' },
    y: { label: 'y' },
    series: [
      { name: 'own', points, band },
      { name: 'other', points, band, isBroad: true },
    ],
  })(640)
  const order = Array.from(markup.matchAll(/class="(band f-\w+|line s-\w+(?: broad)?)"/g), ([, name]) => name)
  assert.deepEqual(order, ['band f-one', 'band f-two', 'line s-two broad', 'line s-one'])
})

test('the name of a line that ends before the others stands above the plot, with the names of all', () => {
  const drawn = (end: number) =>
    lineChart({
      ...words,
      x: { label: 'step' },
      y: { label: 'reward' },
      series: [
        { name: 'long', points: [0, 60].map((x) => [x, 1] as const) },
        { name: 'short', points: [0, end].map((x) => [x, 2] as const) },
      ],
    })(figureWidths.page).markup
  const baseline = (markup: string) => Number(/y="([\d.]+)"[^>]*>short</.exec(markup)![1])
  assert.ok(baseline(drawn(20)) < 20)
  assert.ok(baseline(drawn(60)) > 20)
})

test('ticks stand at round numbers: of 1024 for bytes, whole ones for what is counted, powers on logarithmic axes', () => {
  const ticks = (axis: Parameters<typeof placeAxis>[0], values: readonly number[], room = 6) =>
    placeAxis(axis, values, [0, 100], room).ticks.map(({ text }) => text)
  assert.deepEqual(ticks({ label: '', format: formatBytes, from: 0 }, [0, 2500], 5), ['0 B', '512 B', '1 KiB', '1.50 KiB', '2 KiB'])
  assert.deepEqual(ticks({ label: 'layer' }, [1, 2, 3, 4]), ['1', '2', '3', '4'])
  assert.deepEqual(ticks({ label: '', scale: 'log2' }, [1, 64], 4), ['1', '4', '16', '64'])
  assert.deepEqual(ticks({ label: '', scale: 'log' }, [1, 1000], 4), ['1', '10', '100', '1000'])
})

test('an axis of a single value has room around it', () => {
  const { at } = placeAxis({ label: '' }, [3], [0, 100], 5)
  assert.ok(at(3) > 0 && at(3) < 100)
})

test('names are moved apart, keep their order and stay between the ends', () => {
  const places = spreadLabels([50, 51, 52, 98], 0, 100, 16)
  for (const [index, place] of places.entries()) if (index > 0) assert.ok(place - places[index - 1] >= 16)
  assert.ok(places.at(-1)! <= 100)
  assert.deepEqual(spreadLabels([80, 10], 0, 100, 16), [80, 10])
})

test('stretches keep the mean and the range, and leave out what is not finite', () => {
  const { points, band } = bucketed(
    [
      [0, 1],
      [1, 3],
      [2, Number.NaN],
      [3, 5],
      [4, 7],
    ],
    2,
  )
  assert.deepEqual(points, [
    [0.5, 2],
    [3.5, 6],
  ])
  assert.deepEqual(band, [
    [0.5, 1, 3],
    [3.5, 5, 7],
  ])
})

test('lines are broken at spaces only', () => {
  assert.deepEqual(wrap('one two three', textWidth('one two')), ['one two', 'three'])
  assert.deepEqual(wrap('unbreakable', 10), ['unbreakable'])
})
