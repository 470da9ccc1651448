/**
 * Traffic decides which schedules are feasible: this run's copies of a token, on machines like this one joined by a plain
 * network, fed to the schedule simulator. The published system stands beside it at its own ratio, about one to one.
 */
import { lineChart } from '../figures/index.ts'
import { html } from '../html.ts'
import { communicationRatio, slowdownTolerance, scheduleSweeps, simulatedPipeline } from '../findings/hiding-schedules.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { counted, digits, listed, percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { trafficOf } from './sequence-routing-to-traffic.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

/** Ethernet as it is sold, Gbit/s. */
export const networkGbits = [1, 2.5, 10, 25, 100] as const

/** Schedules that communication lengthens within the tolerance, for one limit on one network. */
export interface Feasible {
  readonly activeGroupCount: number
  readonly gbits: number
  /** Seconds of communication over seconds of computation. */
  readonly ratio: number
  readonly names: readonly string[]
}

/** Every limit of the probe on every network, the slowest network first. */
export function feasibleSchedules(run: RunFacts): Feasible[] {
  const { limits } = trafficOf(run)
  const { model, training } = run.document.recipe
  const flopsPerSecond = run.document.ceilings.gflopsAllThreads * 1e9
  return networkGbits.flatMap((gbits) =>
    limits.map(({ activeGroupCount, copiesPerToken }) => {
      const network = { flopsPerSecond, bytesPerSecond: (gbits * 1e9) / 8 }
      const ratio = communicationRatio(model, copiesPerToken, training.rowLength, network)
      const names = scheduleSweeps().filter(({ feasibleUpTo }) => ratio <= feasibleUpTo)
      return { activeGroupCount, gbits, ratio, names: names.map(({ title }) => title) }
    }),
  )
}

/** Networks on which the group limit changes which schedules are feasible, Gbit/s, the slowest first. */
export function changingNetworks(run: RunFacts): number[] {
  const feasible = feasibleSchedules(run)
  return networkGbits.filter((gbits) => new Set(feasible.filter((row) => row.gbits === gbits).map(({ names }) => names.join())).size > 1)
}

export const trafficToSchedule: Claim = {
  id: 'sequence.traffic-to-schedule',
  statement: claimStatements['sequence.traffic-to-schedule'],
  mechanism: 'src/infrastructure/schedules/simulate.ts',
  needs: needs('inference/routing'),
  command: 'strata run nano',
  rule: `A schedule is feasible where a step is at most ${percent(slowdownTolerance)} longer than without communication. The claim holds where, on one of five networks, tightening the group limit of this run’s router changes which schedules are feasible.`,
  judge(run) {
    const feasible = feasibleSchedules(run)
    if (trafficOf(run).limits.length < 2) return notTested('Without routing decisions there is no traffic to schedule.')
    const sweeps = scheduleSweeps()
    const limits = listed(sweeps.map(({ title, feasibleUpTo }) => `${digits(feasibleUpTo)} with ${title}`))
    const preamble = `On ${simulatedPipeline.rankCount} ranks and ${simulatedPipeline.microbatchCount} micro-batches, a step is at most ${percent(slowdownTolerance)} longer than without communication up to a ratio of communication to computation of ${limits}.`
    const changing = changingNetworks(run)
    if (changing.length === 0)
      return didNotHold(
        `${preamble} On none of the networks from ${networkGbits[0]} to ${networkGbits.at(-1)!} Gbit/s does the group limit change which schedules are feasible.`,
      )
    const [gbits] = changing
    const rows = feasible.filter((row) => row.gbits === gbits)
    const cases = rows.map(
      ({ activeGroupCount, ratio, names }) =>
        `${digits(ratio)} with ${counted(activeGroupCount, 'group')} a token (feasible: ${names.length > 0 ? listed(names) : 'none'})`,
    )
    return held(`${preamble} Between machines like this one, at ${gbits} Gbit/s, the ratio is ${listed(cases)}.`)
  },
  figure(run) {
    const sweeps = scheduleSweeps()
    const ratio = ratioAt(run, 2.5)
    return {
      id: 'schedules-by-traffic',
      drawing: lineChart({
        title: 'Length of a step by schedule and traffic',
        description: `A step is at most ${percent(slowdownTolerance)} longer than without communication up to a ratio of: ${listed(sweeps.map(({ title, feasibleUpTo }) => `${title} ${digits(feasibleUpTo)}`))}.`,
        x: { label: 'communication over computation of a forward pass', from: 0, to: 3 },
        y: { label: 'step, in forward passes of a chunk', from: 0 },
        series: sweeps.map(({ title, points }) => ({
          name: title,
          points: points.filter((point) => point.ratio <= 3).map((point) => [point.ratio, point.makespan] as const),
        })),
        references: [
          { name: 'V3, about 1', x: 1, tone: 'published' },
          ...(ratio !== null && ratio <= 3 ? [{ name: `here, ${digits(ratio)}`, x: ratio }] : []),
        ],
      }),
      caption: html`A step stays within ${percent(slowdownTolerance)} of one without communication up to a ratio of
      ${listed(sweeps.map(({ title, feasibleUpTo }) => `${digits(feasibleUpTo)} with ${title}`))}. Simulated, ${simulatedPipeline.rankCount}
      ranks and ${simulatedPipeline.microbatchCount} micro-batches, a backward pass twice as long as a forward
      one.${ratio !== null && ratio <= 3 ? html` Marked: this run’s router as trained, on machines like this one at 2.5 Gbit/s, and the published system.` : null}`,
    }
  },
}

/** Ratio of the router as trained on one of the networks; null without its decisions. */
function ratioAt(run: RunFacts, gbits: number): number | null {
  const limit = run.document.recipe.model.activeGroupCount
  return feasibleSchedules(run).find((row) => row.gbits === gbits && row.activeGroupCount === limit)?.ratio ?? null
}
