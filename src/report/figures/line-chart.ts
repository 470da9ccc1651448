/** Lines over an axis: loss over tokens, loss by position. Each line is named at its end; no boxes, no legend to look up. */
import { area, line } from 'd3-shape'
import type { Drawing } from '../types.ts'
import { type Axis, axisHeight, horizontalAxis, placeAxis, type PlacedAxis, type Plot, verticalAxis } from './axis.ts'
import { spreadLabels } from './spread-labels.ts'
import { type AlternativeText, dot, keyRow, label, lineHeight, seriesTones, stroke, svg, textWidth, type Tone } from './svg.ts'

/** One line. */
export interface LineSeries {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
  /** Interval or range around it. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[]
  /** By its place in the list unless given. */
  readonly tone?: Tone
  readonly isDashed?: boolean
  /** Drawn broad and pale, for a line that another one lies on. */
  readonly isBroad?: boolean
  /** Whether each point is shown: for few points. */
  readonly withDots?: boolean
}

/** A value to compare with: a straight line across. */
interface ReferenceLine {
  readonly name: string
  readonly y?: number
  readonly x?: number
  readonly tone?: Tone
}

export interface LineChart extends AlternativeText {
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly LineSeries[]
  readonly references?: readonly ReferenceLine[]
  /** Of the plot, in pixels; in proportion to the width unless given. */
  readonly height?: number
}

/** Share of the width that names at the ends of lines may take. */
const mostForNames = 0.3

/** A chart of one or a few lines. */
export function lineChart(chart: LineChart): Drawing {
  return (width) => {
    const { series, references = [] } = chart
    const tones = series.map(({ tone }, index) => tone ?? seriesTones[index % seriesTones.length])
    const isSingle = series.length === 1
    const nameWidth = isSingle ? 0 : Math.max(...series.map(({ name }) => textWidth(name))) + 12
    const areNamesBeside = endTogether(series) && nameWidth <= width * mostForNames
    const key = keyRow(
      isSingle || areNamesBeside
        ? []
        : series.map(({ name, isDashed, isBroad }, index) => ({ name, tone: tones[index], isDashed, isBroad })),
      0,
      0,
      width,
    )
    const keyHeight = isSingle || areNamesBeside ? 0 : key.height

    const xs = [...series.flatMap(({ points }) => points.map(([x]) => x)), ...references.flatMap(({ x }) => x ?? [])]
    const ys = [
      ...series.flatMap(({ points, band = [] }) => [...points.map(([, y]) => y), ...band.flatMap(([, low, high]) => [low, high])]),
      ...references.flatMap(({ y }) => y ?? []),
    ]
    const plotHeight = chart.height ?? Math.max(180, width * 0.4)
    const top = keyHeight + 28
    const bottom = top + plotHeight
    const y = placeAxis(chart.y, ys, [bottom, top], Math.max(3, Math.floor(plotHeight / 42)))
    const left = Math.max(...y.ticks.map(({ text }) => textWidth(text)), 10) + 10
    const plot: Plot = { left, right: width - (isSingle ? 8 : areNamesBeside ? nameWidth + 2 : 16), top, bottom }
    const x = placeAxis(chart.x, xs, [plot.left, plot.right], Math.max(3, Math.floor((plot.right - plot.left) / 62)))

    const isDefined = ([a, b]: readonly [number, number]) => Number.isFinite(a) && Number.isFinite(b)
    const path = line<readonly [number, number]>(
      ([a]) => x.at(a),
      ([, b]) => y.at(b),
    )
      .defined(isDefined)
      .digits(1)
    const bandPath = area<readonly [number, number, number]>(
      ([a]) => x.at(a),
      ([, low]) => y.at(low),
      ([, , high]) => y.at(high),
    ).digits(1)
    // Bands lie below all lines, and the first line, which the figure is about, above the others.
    const bands = series.map(({ band }, index) => (band ? `<path d="${bandPath(band) ?? ''}" class="band f-${tones[index]}"/>` : ''))
    const lines = series.map(({ points, isDashed, isBroad, withDots }, index) => {
      const tone = tones[index]
      const dots = withDots ? points.filter(isDefined).map(([a, b]) => dot(x.at(a), y.at(b), 3, tone)) : []
      return `<path d="${path(points) ?? ''}" class="line s-${tone}${isDashed ? ' dashed' : ''}${isBroad ? ' broad' : ''}"/>${dots.join('')}`
    })
    return svg(width, bottom + axisHeight(chart.x, plot), chart, [
      ...(keyHeight > 0 ? key.parts : []),
      ...verticalAxis(chart.y, y, plot),
      ...horizontalAxis(chart.x, x, plot),
      ...references.flatMap((_, index) => referenceParts(references, index, x.at, y.at, plot)),
      ...bands,
      ...lines.toReversed(),
      ...(areNamesBeside && !isSingle ? namesBeside(series, tones, x.at, y.at, plot) : []),
    ])
  }
}

/** Whether all lines come to about the same end: the name of one that ends before would lie on the others. */
function endTogether(series: readonly LineSeries[]): boolean {
  const ends = series.map(({ points }) => points.findLast(([, value]) => Number.isFinite(value))?.[0] ?? 0)
  return ends.every((end) => end >= 0.9 * Math.max(...ends))
}

/** Names at the ends of their lines, moved apart where they would cover each other. */
function namesBeside(
  series: readonly LineSeries[],
  tones: readonly Tone[],
  x: PlacedAxis['at'],
  y: PlacedAxis['at'],
  plot: Plot,
): string[] {
  const ends = series.map(({ points }) => {
    const last = points.findLast(([, value]) => Number.isFinite(value))
    return last ? { left: Math.min(plot.right, x(last[0])), top: y(last[1]) } : { left: plot.right, top: plot.bottom }
  })
  const places = spreadLabels(
    ends.map(({ top }) => top),
    plot.top,
    plot.bottom,
  )
  return series.map(({ name }, index) => label(ends[index].left + 8, places[index] + 4, name, { tone: tones[index], hasHalo: true }))
}

/** A straight line and its name, which stands in a row of its own and on the side where it crosses no other upright line. */
function referenceParts(references: readonly ReferenceLine[], row: number, x: PlacedAxis['at'], y: PlacedAxis['at'], plot: Plot): string[] {
  const { name, tone = 'soft', y: level, x: place } = references[row]
  if (level !== undefined) {
    const at = y(level)
    const words = label(plot.right - 4, at - 5, name, { tone, anchor: 'end', hasHalo: true })
    return [stroke(plot.left, at, plot.right, at, `reference s-${tone}`), words]
  }
  const at = x(place!)
  const size = textWidth(name) + 12
  const others = references.flatMap((other, index) => (index === row || other.x === undefined ? [] : [x(other.x)]))
  const isFree = (from: number, to: number) => from >= plot.left && to <= plot.right && others.every((other) => other < from || other > to)
  const isBehindMiddle = at > (plot.left + plot.right) / 2
  const isLeft = isBehindMiddle ? isFree(at - size, at) || !isFree(at, at + size) : !isFree(at, at + size) && isFree(at - size, at)
  const words = label(at + (isLeft ? -6 : 6), plot.top + 12 + row * lineHeight, name, {
    tone,
    anchor: isLeft ? 'end' : 'start',
    hasHalo: true,
  })
  return [stroke(at, plot.top, at, plot.bottom, `reference s-${tone}`), words]
}
