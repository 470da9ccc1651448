/**
 * A simulated schedule in the Trace Event format, which chrome://tracing and ui.perfetto.dev open.
 *
 * Source: "Trace Event Format" (complete events `X`, metadata events `M`; times in microseconds).
 */
import { operationLabel, type Operation, type Pass, type Schedule } from './operations.ts'
import type { PairOverlap } from './pair-lanes.ts'
import type { Simulation } from './simulate.ts'

interface TraceEvent {
  readonly name: string
  readonly ph: 'X' | 'M'
  readonly pid: number
  readonly tid: number
  readonly cat?: string
  readonly ts?: number
  readonly dur?: number
  readonly args?: Readonly<Record<string, unknown>>
}

export interface ChromeTrace {
  readonly displayTimeUnit: 'ms'
  readonly traceEvents: readonly TraceEvent[]
}

const namesOf = (process: string, threads: readonly string[]): TraceEvent[] => [
  { name: 'process_name', ph: 'M', pid: 0, tid: 0, args: { name: process } },
  ...threads.map((name, tid): TraceEvent => ({ name: 'thread_name', ph: 'M', pid: 0, tid, args: { name } })),
  ...threads.map((_, tid): TraceEvent => ({ name: 'thread_sort_index', ph: 'M', pid: 0, tid, args: { sort_index: tid } })),
]

/**
 * One thread a rank, one event an operation.
 *
 * @param microsecondsPerUnit length of the durations' unit; by default a unit shows as one millisecond
 */
export function chromeTrace(schedule: Schedule, { timeline }: Simulation, microsecondsPerUnit = 1000): ChromeTrace {
  const operations = timeline.flatMap((list, tid) =>
    list.map(({ operation, start, end }): TraceEvent => ({
      name: traceName(operation),
      cat: operation.kind,
      ph: 'X',
      pid: 0,
      tid,
      ts: start * microsecondsPerUnit,
      dur: (end - start) * microsecondsPerUnit,
      args: { ...(operation.forward && { forward: operation.forward }), ...(operation.backward && { backward: operation.backward }) },
    })),
  )
  const threads = timeline.map((_, rank) => `rank ${rank}`)
  return { displayTimeUnit: 'ms', traceEvents: [...namesOf(schedule.name, threads), ...operations] }
}

/** The two lanes inside one overlapped pair, one thread a lane. */
export function pairTrace({ tasks }: PairOverlap, microsecondsPerUnit = 1000): ChromeTrace {
  const lanes = ['compute', 'communication'] as const
  const events = tasks.map(({ name, lane, layer, start, end }): TraceEvent => ({
    name,
    cat: lane,
    ph: 'X',
    pid: 0,
    tid: lanes.indexOf(lane),
    ts: start * microsecondsPerUnit,
    dur: (end - start) * microsecondsPerUnit,
    args: { layer },
  }))
  return { displayTimeUnit: 'ms', traceEvents: [...namesOf('overlapped pair', lanes), ...events] }
}

const of = ({ microbatch, stage }: Pass) => `micro-batch ${microbatch}, stage ${stage}`

function traceName(operation: Operation): string {
  const { forward, backward } = operation
  return `${operationLabel(operation)} ${[forward, backward]
    .filter((pass) => pass !== null)
    .map(of)
    .join(' | ')}`
}
