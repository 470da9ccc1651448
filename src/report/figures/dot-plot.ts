/** Values with their intervals, one a row: scores beside chance, differences beside zero. */
import type { Drawing } from '../types.ts'
import { type Axis, axisHeight, horizontalAxis, placeAxis, type Plot, valueFormat } from './axis.ts'
import { rowLayout } from './rows.ts'
import { type AlternativeText, dot, label, px, stroke, svg, type Tone } from './svg.ts'

/** One row. */
export interface DotRow {
  readonly name: string
  /** Stands above this row and those that follow without one of their own. */
  readonly heading?: string
  readonly value: number
  /** Interval, where there is one. */
  readonly low?: number
  readonly high?: number
  readonly tone?: Tone
  /** What guessing gets: a short upright stroke. */
  readonly chance?: number
  /** The published value: a hollow dot. */
  readonly published?: number
  /** In place of the value at the end of the row. */
  readonly text?: string
}

export interface DotPlot extends AlternativeText {
  readonly x: Axis
  readonly rows: readonly DotRow[]
  /** An upright line through all rows: zero of a difference, a bound. */
  readonly reference?: { readonly value: number; readonly name: string }
}

/** Rows up to which there is room between them: a figure of more is to stay lower than a page. */
const mostSpaciousRows = 15

/** A plot of values with intervals. */
export function dotPlot(plot: DotPlot): Drawing {
  return (width) => {
    const { rows, reference } = plot
    const values = rows.flatMap(({ value, low = value, high = value, chance = value, published = value }) => [
      value,
      low,
      high,
      chance,
      published,
    ])
    const all = reference ? [...values, reference.value] : values
    // Ticks decide how many digits the values at the right have, and those how much room is left for the ticks.
    const format = plot.x.format ?? valueFormat(placeAxis(plot.x, all, [0, width / 2], 4))
    const texts = rows.map(({ value, low, high, text }) => {
      if (text !== undefined) return text
      return low === undefined || high === undefined ? format(value) : `${format(value)} [${format(low)}, ${format(high)}]`
    })
    const layout = rowLayout(rows, texts, width, { top: reference ? 22 : 4, rowHeight: rows.length > mostSpaciousRows ? 18 : 22 })
    const area: Plot = { left: layout.left, right: layout.right, top: reference ? 18 : 0, bottom: layout.bottom }
    const x = placeAxis(plot.x, all, [area.left, area.right], Math.max(2, Math.floor((area.right - area.left) / 62)))
    const marks = rows.flatMap((row, index) => {
      const y = layout.middles[index]
      const { value, low, high, tone = 'one', chance, published } = row
      return [
        low === undefined || high === undefined ? '' : stroke(x.at(low), y, x.at(high), y, `interval s-${tone}`),
        chance === undefined ? '' : stroke(x.at(chance), y - 7, x.at(chance), y + 7, 'chance s-soft'),
        published === undefined ? '' : dot(x.at(published), y, 4.5, 'published', true),
        dot(x.at(value), y, 4, tone),
        label(width, layout.baselines[index], texts[index], { anchor: 'end', tone, hasHalo: true }),
      ]
    })
    return svg(width, layout.bottom + axisHeight(plot.x, area), plot, [
      ...horizontalAxis(plot.x, x, area, true),
      ...(reference ? referenceParts(x.at(reference.value), reference.name, area, width) : []),
      ...layout.parts,
      ...marks,
    ])
  }
}

function referenceParts(at: number, name: string, { top, bottom }: Plot, width: number): string[] {
  const anchor = at > width * 0.75 ? 'end' : 'middle'
  return [`<path d="M${px(at)} ${px(top)}V${px(bottom)}" class="reference s-ink"/>`, label(at, top - 5, name, { anchor, tone: 'soft' })]
}
