/** `strata schedule`: simulates a pipeline schedule and prints what it costs beside what its formula says. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { rejectViolations, usageError } from '../../base/errors.ts'
import { didYouMean } from '../../base/nearest.ts'
import { createSchedule, durationViolations, scheduleNamed, scheduleViolations } from '../../infrastructure/schedules/catalogue.ts'
import { chromeTrace } from '../../infrastructure/schedules/chrome-trace.ts'
import { scheduleDocument, scheduleText } from '../../infrastructure/schedules/describe.ts'
import { scheduleNames } from '../../infrastructure/schedules/operations.ts'
import { simulate, uniformTiming } from '../../infrastructure/schedules/simulate.ts'
import { timelineSvg } from '../../infrastructure/schedules/timeline-svg.ts'
import { commonFlags, readNumbers } from '../flags.ts'
import { createOutput } from '../output.ts'

interface Flags {
  readonly ranks: string
  readonly microbatches: string
  readonly chunks?: string
  readonly forward: string
  readonly backward: string
  readonly weight: string
  readonly overlapped?: string
  readonly dispatch: string
  readonly combine: string
  readonly pointToPoint: string
  readonly svg?: string
  readonly trace?: string
  readonly json: boolean
}

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('schedule')
    .summary('simulate a pipeline schedule: makespan, idle time, live activations, figure, trace')
    .description('Simulates a pipeline schedule as events. Durations are of one chunk, in any unit.')
    .argument('<name>', `one of ${scheduleNames.join(', ')}`)
    .requiredOption('--ranks <count>', 'pipeline ranks (devices in a row)')
    .requiredOption('--microbatches <count>', 'micro-batches of a step, both directions together')
    .option('--chunks <count>', 'chunks a rank, for interleaved only (default: 2)')
    .option('--forward <time>', 'F, one forward', '1')
    .option('--backward <time>', 'B, the full backward', '2')
    .option('--weight <time>', 'W, the weight-gradient part of B', '1')
    .option('--overlapped <time>', 'F&B, a forward and a backward overlapped, for dualpipe and dualpipev (default: F + B)')
    .option('--dispatch <time>', 'all-to-all dispatch of a chunk, exposed outside overlapped pairs', '0')
    .option('--combine <time>', 'all-to-all combine of a chunk, exposed outside overlapped pairs', '0')
    .option('--point-to-point <time>', 'from one rank to the next', '0')
    .option('--svg <file>', 'write the timeline as a figure')
    .option('--trace <file>', 'write a trace for chrome://tracing or ui.perfetto.dev (1 unit = 1 ms)')
  commonFlags(command, 'json').action(run)
}

function run(text: string, flags: Flags): void {
  const name = scheduleNamed(text)
  if (!name) throw usageError('schedule', `one of ${scheduleNames.join(', ')}`, `"${text}"`, didYouMean(text, scheduleNames))
  if (flags.chunks !== undefined && name !== 'interleaved')
    throw usageError('--chunks', 'interleaved, the only schedule that reads it', name)
  const { ranks, microbatches, forward, backward, weight, dispatch, combine, pointToPoint } = flags
  const typed = { ranks, microbatches, forward, backward, weight, dispatch, combine, pointToPoint }
  const optional = { chunks: flags.chunks ?? '2', ...(flags.overlapped === undefined ? {} : { overlapped: flags.overlapped }) }
  const { numbers, violations: notNumbers } = readNumbers<keyof typeof typed | 'chunks' | 'overlapped'>({
    overlapped: '0',
    ...typed,
    ...optional,
  })
  const overlapped = flags.overlapped === undefined ? numbers.forward + numbers.backward : numbers.overlapped
  const durations = { forward: numbers.forward, backward: numbers.backward, weight: numbers.weight, overlapped }
  const communication = { dispatch: numbers.dispatch, combine: numbers.combine, pointToPoint: numbers.pointToPoint }
  const request = { name, rankCount: numbers.ranks, microbatchCount: numbers.microbatches, chunkCount: numbers.chunks }
  const communicationViolations = Object.entries(communication)
    .filter(([, time]) => !Number.isFinite(time) || time < 0 || time > 1e12)
    .map(([key, time]) => `${key}: expected a duration from 0 to 1e12, got ${time}`)
  // What is no number has been named as typed; F + B is not named when F or B is wrong.
  const isNews = (line: string) => !line.endsWith('got NaN') && !(flags.overlapped === undefined && line.startsWith('overlapped'))
  const found = [...scheduleViolations(request), ...durationViolations(durations), ...communicationViolations]
  rejectViolations(`schedule ${name}`, [...notNumbers, ...found.filter(isNews)])

  const schedule = createSchedule(request)
  const simulation = simulate(schedule, uniformTiming(schedule.stageCount, durations, communication))
  if (flags.svg) write(flags.svg, timelineSvg(schedule, simulation))
  if (flags.trace) write(flags.trace, JSON.stringify(chromeTrace(schedule, simulation)))
  const document = scheduleDocument(schedule, simulation, durations)
  createOutput({ json: flags.json }).result(document, () => scheduleText(document))
}

function write(file: string, contents: string): void {
  try {
    writeFileSync(file, contents)
  } catch (cause) {
    throw usageError(file, 'a file that can be written', (cause as Error).message, 'Choose another path.', cause)
  }
}
