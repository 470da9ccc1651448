/**
 * A simulated pipeline schedule, one row a rank, time to the right: what each rank does when, and when it waits.
 *
 * The printable figure of `strata schedule` (infrastructure/schedules/timeline-svg.ts) numbers every micro-batch and needs
 * a sheet; this one is made for a column of text and shows only the kind of work.
 */
import type { Schedule, Simulation } from '../../infrastructure/index.ts'
import type { Drawing } from '../types.ts'
import { axisHeight, horizontalAxis, placeAxis, type Plot } from './axis.ts'
import { type AlternativeText, box, keyRow, label, svg, textWidth, type Tone } from './svg.ts'

export interface ScheduleTimeline extends AlternativeText {
  readonly schedule: Schedule
  readonly simulation: Simulation
  /** What one unit of time is. */
  readonly unit: string
}

const tones = { F: 'one', B: 'two', Bi: 'four', W: 'three' } as const satisfies Record<string, Tone>
const names = { F: 'forward', B: 'backward', Bi: 'backward for inputs', W: 'weight gradients' } as const

/** A schedule as rows of blocks; the paper shows through where a rank waits. */
export function scheduleTimeline({ schedule, simulation, unit, ...text }: ScheduleTimeline): Drawing {
  return (width) => {
    const kinds = new Set(schedule.operations.flat().map(({ kind }) => kind))
    const shown = (['F', 'B', 'Bi', 'W'] as const).filter((kind) => kinds.has(kind) || (kind !== 'Bi' && kind !== 'W' && kinds.has('FB')))
    const key = keyRow(
      shown.map((kind) => ({ name: names[kind], tone: tones[kind], isFilled: true })),
      0,
      0,
      width,
    )
    const rowHeight = width < 440 ? 14 : 18
    const left = textWidth('rank 00') + 6
    const plot: Plot = { left, right: width - 12, top: key.height, bottom: key.height + schedule.rankCount * rowHeight }
    const axis = { label: `time, ${unit}`, from: 0, to: simulation.makespan }
    const x = placeAxis(axis, [], [plot.left, plot.right], Math.floor((plot.right - plot.left) / 62))
    const rows = simulation.timeline.flatMap((operations, rank) => {
      const y = plot.top + rank * rowHeight + 1
      const height = rowHeight - 2
      const blocks = operations.flatMap(({ operation: { kind }, start, end }) => {
        const size = Math.max(0.4, x.at(end) - x.at(start) - 0.5)
        if (kind !== 'FB') return [box(x.at(start), y, size, height, tones[kind])]
        return [box(x.at(start), y, size, height / 2, tones.F), box(x.at(start), y + height / 2, size, height / 2, tones.B)]
      })
      return [label(plot.left - 6, y + height / 2 + 4, `rank ${rank}`, { anchor: 'end', tone: 'soft' }), ...blocks]
    })
    return svg(width, plot.bottom + axisHeight(axis, plot), text, [...key.parts, ...horizontalAxis(axis, x, plot), ...rows])
  }
}
