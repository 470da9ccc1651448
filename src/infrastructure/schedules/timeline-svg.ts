/**
 * A simulated schedule as a figure: one row a rank, time to the right, made to be printed.
 *
 * A block's colour says what it is, its shade which chunk it uses (in DualPipe: from which end its micro-batch entered)
 * and its number which micro-batch. An overlapped pair shows its forward above its backward. White is idle time. Plain
 * SVG, no scripts and no fonts of its own.
 */
import { catalogue } from './catalogue.ts'
import type { Pass, Schedule } from './operations.ts'
import { escape, ink, px, soft, text } from './svg-text.ts'
import type { SimulatedOperation, Simulation } from './simulate.ts'

export interface TimelineOptions {
  /** Width of the figure in CSS pixels. */
  readonly width?: number
  /** What one unit of time is called on the axis. */
  readonly unit?: string
}

const rowHeight = 26
const rowGap = 4
const margin = { top: 74, right: 24, bottom: 76, left: 64 }

/** Light and dark of one hue, told apart in grey by lightness. */
const shades = {
  F: ['#bcd5f0', '#3d74b5'],
  B: ['#c4e0bb', '#4b8b3f'],
  Bi: ['#bfe3e0', '#2c8079'],
  W: ['#f6d9a8', '#b5761a'],
} as const

/**
 * @param schedule   what was simulated
 * @param simulation its times
 * @returns an SVG document
 */
export function timelineSvg(schedule: Schedule, simulation: Simulation, { width = 1200, unit = '' }: TimelineOptions = {}): string {
  const plotWidth = width - margin.left - margin.right
  const plotHeight = schedule.rankCount * (rowHeight + rowGap) - rowGap
  const height = margin.top + plotHeight + margin.bottom
  const x = (time: number) => margin.left + (time / simulation.makespan) * plotWidth
  const y = (rank: number) => margin.top + rank * (rowHeight + rowGap)

  const lookOf = looks(schedule)
  const rows = simulation.timeline.map((operations, rank) => {
    const label = text(margin.left - 10, y(rank) + rowHeight / 2 + 4, `rank ${rank}`, { anchor: 'end', size: 11, fill: soft })
    const floor = `<rect x="${margin.left}" y="${y(rank)}" width="${plotWidth}" height="${rowHeight}" fill="#fff" stroke="#e4e6e8" stroke-width=".5"/>`
    return label + floor + operations.map((item) => block(item, x, y(rank), lookOf)).join('')
  })
  const title = text(margin.left, 28, `${catalogue[schedule.name].title}: ${describeSize(schedule)}`, { size: 17, weight: 600 })
  const subtitle = text(margin.left, 50, describeResult(schedule, simulation, unit), { size: 12, fill: soft })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Helvetica, Arial, sans-serif" role="img">`,
    `<title>${escape(`${catalogue[schedule.name].title}, ${describeSize(schedule)}`)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    title,
    subtitle,
    ...rows,
    axis(simulation.makespan, x, margin.top + plotHeight, unit),
    legend(schedule, margin.top + plotHeight + 58),
    '</svg>',
    '',
  ].join('\n')
}

function describeSize({ rankCount, microbatchCount, stageCount, chunkCount }: Schedule): string {
  const chunks = chunkCount > 1 ? `, ${chunkCount} chunks a rank` : ''
  return `${rankCount} ranks, ${microbatchCount} micro-batches, ${stageCount} stages${chunks}`
}

function describeResult({ rankCount }: Schedule, simulation: Simulation, unit: string): string {
  const { makespan, maxIdle, peakActivations } = simulation
  const idleShare = simulation.idle.reduce((sum, idle) => sum + idle, 0) / (makespan * rankCount)
  const least = Math.min(...peakActivations)
  const most = Math.max(...peakActivations)
  const live = least === most ? `${most}` : `${least} to ${most}`
  return [
    `makespan ${short(makespan)}${unit && ` ${unit}`}`,
    `most idle ${short(maxIdle)}`,
    `idle share ${short(idleShare * 100)} %`,
    `live chunks at the peak ${live}`,
  ].join('   ·   ')
}

/** One operation; an overlapped pair is two blocks of half the height. */
function block({ operation, start, end }: SimulatedOperation, x: (time: number) => number, top: number, lookOf: LookOf): string {
  const left = x(start)
  const width = x(end) - left
  const half = rowHeight / 2
  const { kind, forward, backward } = operation
  if (kind === 'FB') {
    const upper = box('F', forward!, lookOf(forward!), { left, top, width, height: half })
    return upper + box('B', backward!, lookOf(backward!), { left, top: top + half, width, height: half })
  }
  const pass = (forward ?? backward)!
  return box(kind, pass, lookOf(pass), { left, top, width, height: rowHeight })
}

interface Look {
  readonly isDark: boolean
  /** Of the highest micro-batch, so that a row shows all its numbers or none. */
  readonly digitCount: number
}

type LookOf = (pass: Pass) => Look

function looks({ name, microbatchCount }: Schedule): LookOf {
  const digitCount = String(microbatchCount - 1).length
  return ({ microbatch, phase }) => ({ isDark: name === 'dualpipe' ? microbatch >= microbatchCount / 2 : phase % 2 === 1, digitCount })
}

interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

function box(kind: keyof typeof shades, pass: Pass, { isDark, digitCount }: Look, { left, top, width, height }: Box): string {
  const digits = String(pass.microbatch)
  const size = height < 20 ? 9 : 11
  const hasRoom = width > digitCount * size * 0.62 + 2
  const shape = `<rect x="${px(left)}" y="${px(top)}" width="${px(width)}" height="${height}" fill="${shades[kind][isDark ? 1 : 0]}" stroke="#fff" stroke-width=".6"/>`
  if (!hasRoom) return shape
  return shape + text(left + width / 2, top + height / 2 + size * 0.36, digits, { anchor: 'middle', size, fill: isDark ? '#fff' : ink })
}

function axis(makespan: number, x: (time: number) => number, top: number, unit: string): string {
  const step = niceStep(makespan / 10)
  const marks: string[] = []
  for (let time = 0; time <= makespan * 1.0001; time += step) {
    marks.push(`<path d="M${px(x(time))} ${top + 6}v5" stroke="${soft}" stroke-width=".8"/>`)
    marks.push(text(x(time), top + 24, short(time), { anchor: 'middle', size: 11, fill: soft }))
  }
  const name = text(margin.left - 10, top + 24, unit ? `time, ${unit}` : 'time', { anchor: 'end', size: 11, fill: soft })
  return `<path d="M${margin.left} ${top + 6}H${px(x(makespan))}" stroke="${soft}" stroke-width=".8"/>${marks.join('')}${name}`
}

function legend({ name, rankCount, chunkCount, operations }: Schedule, top: number): string {
  const used = new Set(operations.flat().map(({ kind }) => kind))
  const entries = [
    ['F', 'forward', used.has('F') || used.has('FB')],
    ['B', 'backward', used.has('B') || used.has('FB')],
    ['Bi', 'backward for input', used.has('Bi')],
    ['W', 'weight gradients', used.has('W')],
  ] as const
  let left = margin.left
  const parts: string[] = []
  const label = (words: string) => {
    parts.push(text(left, top, words, { size: 12 }))
    left += words.length * 6.2 + 26
  }
  for (const [kind, words, isUsed] of entries) {
    if (!isUsed) continue
    const swatches = chunkCount > 1 ? shades[kind] : shades[kind].slice(0, 1)
    for (const fill of swatches) {
      parts.push(`<rect x="${px(left)}" y="${top - 11}" width="14" height="14" fill="${fill}"/>`)
      left += 15
    }
    left += 5
    label(words)
  }
  if (used.has('FB')) label('one above the other: overlapped')
  if (name === 'dualpipe') label(`light: entered at rank 0, dark: at rank ${rankCount - 1}`)
  else if (chunkCount > 1) label('light, dark: even and odd chunk')
  return parts.join('')
}

const short = (value: number) => String(Number(value.toPrecision(4)))
/** 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999)!
}
