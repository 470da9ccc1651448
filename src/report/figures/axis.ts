/** Axes: from the values of a figure to positions on it, with ticks at round numbers and as many as there is room for. */
import { extent } from 'd3-array'
import { scaleLinear, scaleLog } from 'd3-scale'
import { formatBytes, formatCount } from '../../base/format.ts'
import { label, lineHeight, stroke, textWidth, wrap } from './svg.ts'

/** What an axis shows. */
export interface Axis {
  /** Quantity and unit: "loss, nats a token". */
  readonly label: string
  /** `log` has ticks at powers of ten, `log2` at powers of two; `linear` unless given. Values on logarithmic axes are above zero. */
  readonly scale?: 'linear' | 'log' | 'log2'
  /** Where it begins and ends; from the values unless given. */
  readonly from?: number
  readonly to?: number
  /** Texts of ticks; counts with K, M and B unless given. */
  readonly format?: (value: number) => string
}

/** An axis that has found its place. */
export interface PlacedAxis {
  readonly at: (value: number) => number
  readonly ticks: readonly { readonly value: number; readonly text: string }[]
}

/** Numbers without needless digits: 0.25, 12, 4.1K. */
export function plainNumber(value: number): string {
  if (Math.abs(value) >= 10_000) return formatCount(Number(value.toPrecision(3)))
  return String(Number(value.toPrecision(4))).replace('-', '−')
}

/**
 * Places an axis.
 *
 * @param values everything that must fit on it
 * @param range  positions of its ends, in pixels
 * @param room   ticks that there is room for, at most
 */
export function placeAxis(axis: Axis, values: readonly number[], range: readonly [number, number], room: number): PlacedAxis {
  const { scale = 'linear', format = plainNumber } = axis
  const [least = 0, most = 1] = extent(values.filter((value) => Number.isFinite(value) && (scale === 'linear' || value > 0)))
  const low = axis.from ?? least
  const high = axis.to ?? most
  const textOf = (value: number) => ({ value, text: format(value) })
  if (scale === 'linear') {
    const spare = low === high ? Math.max(Math.abs(low) * 0.1, 1e-9) : 0
    // Bytes are counted in powers of 1024, so that is where their round numbers are.
    const unit = format === formatBytes && high >= 1024 ? 1024 ** Math.floor(Math.log2(high) / 10) : 1
    const inUnits = scaleLinear([(low - spare) / unit, (high + spare) / unit], range)
    if (axis.from === undefined && axis.to === undefined) inUnits.nice(room)
    // Layers, experts and steps are counted: there is nothing between two of them.
    const areWhole = values.length > 0 && values.every(Number.isInteger)
    const ticks = inUnits.ticks(room).filter((tick) => !areWhole || unit > 1 || Number.isInteger(tick))
    return { at: (value) => inUnits(value / unit), ticks: ticks.map((tick) => textOf(tick * unit)) }
  }
  const base = scale === 'log' ? 10 : 2
  const [bottom, top] = low === high ? [low / base, high * base] : [low, high]
  const placed = scaleLog([bottom, top], range).base(base)
  return { at: placed, ticks: logTicks(bottom, top, base, room).map(textOf) }
}

/** Powers of the base, or fewer of them where there is no room; with 2 and 5 times a power of ten where there are few. */
function logTicks(low: number, high: number, base: number, room: number): number[] {
  const exponentOf = (value: number) => Math.log(value) / Math.log(base)
  const first = Math.ceil(exponentOf(low) - 1e-9)
  const last = Math.floor(exponentOf(high) + 1e-9)
  const powers = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => base ** (first + index))
  if (base === 10 && powers.length * 3 <= room) {
    const between = Array.from({ length: last - first + 3 }, (_, index) => 10 ** (first - 1 + index)).flatMap((power) => [
      power,
      2 * power,
      5 * power,
    ])
    return between.filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9))
  }
  const every = Math.ceil(powers.length / Math.max(1, room))
  return powers.filter((_, index) => index % every === 0)
}

/** The area that a figure's axes enclose, in pixels. */
export interface Plot {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** The horizontal axis below a plot, with its name centred below the ticks. */
export function horizontalAxis(axis: Axis, { at, ticks }: PlacedAxis, plot: Plot, withGrid = false): string[] {
  let free = Number.NEGATIVE_INFINITY
  const marks = ticks.flatMap(({ value, text }) => {
    const x = at(value)
    const half = textWidth(text) / 2
    const hasRoom = x - half > free
    if (hasRoom) free = x + half + 6
    return [
      withGrid ? stroke(x, plot.top, x, plot.bottom, 'grid') : '',
      stroke(x, plot.bottom, x, plot.bottom + 5, 'axis'),
      hasRoom ? label(x, plot.bottom + 18, text, { anchor: 'middle', tone: 'soft' }) : '',
    ]
  })
  return [...marks, stroke(plot.left, plot.bottom, plot.right, plot.bottom, 'axis'), ...nameBelow(axis.label, plot)]
}

/** The name of a horizontal axis, in as many lines as it needs, and never over the figure's left edge. */
function nameBelow(name: string, plot: Plot): string[] {
  const lines = wrap(name, plot.right)
  const half = Math.max(...lines.map((line) => textWidth(line))) / 2
  const middle = Math.max((plot.left + plot.right) / 2, half)
  return lines.map((line, index) => label(middle, plot.bottom + 36 + index * lineHeight, line, { anchor: 'middle' }))
}

/** The vertical axis left of a plot, with its name above it, to be read without turning the head. */
export function verticalAxis(axis: Axis, { at, ticks }: PlacedAxis, plot: Plot): string[] {
  const marks = ticks.flatMap(({ value, text }) => [
    stroke(plot.left, at(value), plot.right, at(value), 'grid'),
    label(plot.left - 7, at(value) + 4, text, { anchor: 'end', tone: 'soft' }),
  ])
  return [...marks, label(0, plot.top - 12, axis.label)]
}

/** Height below a plot that its horizontal axis takes. */
export const axisHeight = (axis: Axis, plot: Pick<Plot, 'right'>): number => 26 + lineHeight * wrap(axis.label, plot.right).length

/** A format with a digit more than an axis's ticks have, and the same number of digits for all: for values beside it. */
export function valueFormat({ ticks }: PlacedAxis): (value: number) => string {
  const digits = Math.max(0, ...ticks.map(({ value }) => String(Number(value.toPrecision(6))).split('.')[1]?.length ?? 0))
  return (value) => (Math.abs(value) >= 10_000 ? plainNumber(value) : value.toFixed(Math.min(8, digits + 1)).replace('-', '−'))
}
