/**
 * What a machine can do at each arithmetic intensity, and what was reached: the smaller of the rate of arithmetic and of
 * intensity times the rate of memory (Williams et al., 2009).
 */
import { extent } from 'd3-array'
import type { Drawing } from '../types.ts'
import { type Axis, axisHeight, horizontalAxis, placeAxis, type Plot, verticalAxis } from './axis.ts'
import { spreadLabels } from './spread-labels.ts'
import { type AlternativeText, dot, label, px, stroke, svg, textWidth, type Tone } from './svg.ts'

/** A measured piece of work. */
export interface RooflinePoint {
  readonly name: string
  /** FLOPs for each byte that is read or written. */
  readonly flopsPerByte: number
  readonly gflops: number
  readonly tone?: Tone
}

export interface Roofline extends AlternativeText {
  /** Ceilings of the machine, measured in the same run. */
  readonly ceilings: { readonly gflops: number; readonly gigabytesPerSecond: number }
  readonly points: readonly RooflinePoint[]
}

/** A roofline with points below it. */
export function roofline(figure: Roofline): Drawing {
  return (width) => {
    const { ceilings, points } = figure
    const ridge = ceilings.gflops / ceilings.gigabytesPerSecond
    const [least = 1, most = 1] = extent([ridge, ...points.map(({ flopsPerByte }) => flopsPerByte)])
    const [lowest = 1] = extent([...points.map(({ gflops }) => gflops), ceilings.gflops])
    const x: Axis = { label: 'arithmetic intensity, FLOP a byte', scale: 'log', from: least / 3, to: most * 4 }
    const roof = (intensity: number) => Math.min(ceilings.gflops, intensity * ceilings.gigabytesPerSecond)
    const floor = Math.min(lowest, roof(x.from!)) / 2
    const y: Axis = { label: 'GFLOP/s', scale: 'log', from: floor, to: ceilings.gflops * 2.2 }
    const height = Math.max(200, width * 0.42)
    const [top, bottom] = [26, 26 + height]
    const yPlaced = placeAxis(y, [], [bottom, top], Math.floor(height / 40))
    const left = Math.max(...yPlaced.ticks.map(({ text }) => textWidth(text)), 10) + 10
    const plot: Plot = { left, right: width - 2, top, bottom }
    const xPlaced = placeAxis(x, [], [plot.left, plot.right], Math.floor((plot.right - plot.left) / 50))
    const at = (intensity: number, gflops: number) => `${px(xPlaced.at(intensity))} ${px(yPlaced.at(gflops))}`
    const edge = `M${at(x.from!, roof(x.from!))}L${at(ridge, ceilings.gflops)}L${at(x.to!, ceilings.gflops)}`
    return svg(width, bottom + axisHeight(x, plot), figure, [
      ...verticalAxis(y, yPlaced, plot),
      ...horizontalAxis(x, xPlaced, plot),
      `<path d="${edge}" class="line s-ink"/>`,
      label(plot.right, yPlaced.at(ceilings.gflops) - 7, `arithmetic: ${Math.round(ceilings.gflops)} GFLOP/s`, { anchor: 'end' }),
      ...memoryLabel(ceilings.gigabytesPerSecond, xPlaced.at, yPlaced.at, x.from!, roof),
      ...pointParts(points, xPlaced.at, yPlaced.at, plot),
    ])
  }
}

/** The name of the slope, above its lower end, as steep as it is and clear of it. */
function memoryLabel(
  gigabytesPerSecond: number,
  x: (value: number) => number,
  y: (value: number) => number,
  from: number,
  roof: (intensity: number) => number,
): string[] {
  const [near, far] = [from * 1.3, from * 1.6]
  const slope = (Math.atan2(y(roof(far)) - y(roof(near)), x(far) - x(near)) * 180) / Math.PI
  const [left, onLine] = [x(near), y(roof(near))].map(px)
  const base = px(y(roof(near)) - 9)
  return [
    `<text x="${left}" y="${base}" class="f-ink" transform="rotate(${px(slope)} ${left} ${onLine})">memory: ${Math.round(gigabytesPerSecond)} GB/s</text>`,
  ]
}

/** Points with their names beside them, moved apart where they lie close. */
function pointParts(points: readonly RooflinePoint[], x: (value: number) => number, y: (value: number) => number, plot: Plot): string[] {
  const places = spreadLabels(
    points.map(({ gflops }) => y(gflops)),
    plot.top,
    plot.bottom - 4,
  )
  return points.flatMap(({ name, flopsPerByte, gflops, tone = 'one' }, index) => {
    const [left, top] = [x(flopsPerByte), y(gflops)]
    const isBeyond = left + textWidth(name) + 12 > plot.right
    const words = label(left + (isBeyond ? -10 : 10), places[index] + 4, name, { tone, anchor: isBeyond ? 'end' : 'start', hasHalo: true })
    const leader = Math.abs(places[index] - top) > 3 ? stroke(left, top, left + (isBeyond ? -8 : 8), places[index], 'axis') : ''
    return [leader, dot(left, top, 4.5, tone), words]
  })
}
