/** Lengths to compare, one bar a row with its value at the end. Bars begin at zero, so their lengths are to scale. */
import { max, min } from 'd3-array'
import type { Drawing } from '../types.ts'
import { type Axis, axisHeight, horizontalAxis, placeAxis, plainNumber, type Plot } from './axis.ts'
import { rowLayout } from './rows.ts'
import { type AlternativeText, box, keyRow, label, px, seriesTones, stroke, svg, textWidth, type Tone } from './svg.ts'

/** One bar. */
interface BarRow {
  readonly name: string
  readonly heading?: string
  readonly value: number
  readonly tone?: Tone
  /** In place of the value. */
  readonly text?: string
}

export interface BarChart extends AlternativeText {
  readonly x: Axis
  readonly rows: readonly BarRow[]
  readonly reference?: { readonly value: number; readonly name: string }
}

/** A chart of horizontal bars. */
export function barChart(chart: BarChart): Drawing {
  return (width) => {
    const { rows, reference } = chart
    const format = chart.x.format ?? plainNumber
    const texts = rows.map(({ value, text }) => text ?? format(value))
    const layout = rowLayout(rows, texts, width, { top: reference ? 22 : 2, rowHeight: 22, areTextsBesideMarks: true })
    const area: Plot = { left: layout.left, right: layout.right, top: reference ? 18 : 0, bottom: layout.bottom }
    const values = [0, ...rows.map(({ value }) => value), ...(reference ? [reference.value] : [])]
    const ends = { from: min(values), to: max(values), ...chart.x }
    const x = placeAxis(ends, values, [area.left, area.right], Math.max(2, Math.floor((area.right - area.left) / 62)))
    const bars = rows.flatMap(({ value, tone = 'one' }, index) => {
      const [from, to] = [Math.min(x.at(0), x.at(value)), Math.max(x.at(0), x.at(value))]
      return [
        box(from, layout.middles[index] - 7, to - from, 14, tone),
        label(Math.max(to, x.at(0)) + 6, layout.middles[index] + 4, texts[index], { hasHalo: true }),
      ]
    })
    const across = reference && [
      `<path d="M${px(x.at(reference.value))} ${area.top}V${px(area.bottom)}" class="reference s-ink"/>`,
      label(x.at(reference.value), area.top - 5, reference.name, {
        anchor: x.at(reference.value) > width * 0.7 ? 'end' : 'middle',
        tone: 'soft',
      }),
    ]
    return svg(width, layout.bottom + axisHeight(chart.x, area), chart, [
      ...horizontalAxis(chart.x, x, area, true),
      ...bars,
      stroke(x.at(0), area.top, x.at(0), area.bottom, 'axis'),
      ...layout.parts,
      ...(across ?? []),
    ])
  }
}

/** One bar of several parts. */
interface StackedRow {
  readonly name: string
  readonly heading?: string
  readonly parts: readonly { readonly name: string; readonly value: number }[]
}

export interface StackedBars extends AlternativeText {
  readonly x: Axis
  readonly rows: readonly StackedRow[]
}

/** Bars that are made of parts; a part's name stands above the figure with its colour, its value inside where there is room. */
export function stackedBars(chart: StackedBars): Drawing {
  return (width) => {
    const names = [...new Set(chart.rows.flatMap(({ parts }) => parts.map(({ name }) => name)))]
    const toneOf = (name: string) => seriesTones[names.indexOf(name)] ?? 'soft'
    const format = chart.x.format ?? plainNumber
    const totals = chart.rows.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0))
    const key = keyRow(
      names.map((name) => ({ name, tone: toneOf(name), isFilled: true })),
      0,
      0,
      width,
    )
    const layout = rowLayout(chart.rows, totals.map(format), width, { top: key.height + 4, rowHeight: 26, areTextsBesideMarks: true })
    const area: Plot = { left: layout.left, right: layout.right, top: key.height, bottom: layout.bottom }
    const room = Math.max(2, Math.floor((area.right - area.left) / 62))
    const x = placeAxis({ from: 0, to: max(totals), ...chart.x }, totals, [area.left, area.right], room)
    const bars = chart.rows.flatMap(({ parts }, row) => {
      const y = layout.middles[row]
      let sum = 0
      const pieces = parts.flatMap(({ name, value }) => {
        const [from, to] = [x.at(sum), x.at((sum += value))]
        const text = format(value)
        const hasRoom = textWidth(text) + 8 < to - from
        return [
          box(from, y - 9, Math.max(0, to - from - 1), 18, toneOf(name)),
          hasRoom ? `<text x="${px((from + to) / 2)}" y="${px(y + 4)}" class="on" text-anchor="middle">${text}</text>` : '',
        ]
      })
      return [...pieces, label(x.at(totals[row]) + 6, y + 4, format(totals[row]), { hasHalo: true })]
    })
    return svg(width, layout.bottom + axisHeight(chart.x, area), chart, [
      ...key.parts,
      ...horizontalAxis(chart.x, x, area, true),
      ...layout.parts,
      ...bars,
    ])
  }
}
