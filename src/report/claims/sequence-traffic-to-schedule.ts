/**
 * Traffic decides which schedules are feasible: this run's copies of a token, on machines like this one joined by a plain
 * network, fed to the schedule simulator. The published system stands beside it at its own ratio, about one to one.
 */
import { communicationRatio, hiddenTolerance, scheduleSweeps, simulatedPipeline } from '../findings/hiding-schedules.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { digits, listed } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { trafficOf } from './sequence-routing-to-traffic.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

/** Ethernet as it is sold, Gbit/s. */
export const networkGbits = [1, 2.5, 10, 25, 100] as const

/** Schedules that hide their communication, for one limit on one network. */
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
      const names = scheduleSweeps().filter(({ hidesUpTo }) => ratio <= hidesUpTo)
      return { activeGroupCount, gbits, ratio, names: names.map(({ title }) => title) }
    }),
  )
}

export const trafficToSchedule: Claim = {
  id: 'sequence.traffic-to-schedule',
  statement: claimStatements['sequence.traffic-to-schedule'],
  mechanism: 'src/infrastructure/schedules/simulate.ts',
  needs: needs('inference/routing'),
  command: 'strata run nano',
  rule: `A schedule hides its communication where a step is at most ${100 * hiddenTolerance} % longer than without any. The claim holds where, on one of five networks, tightening the group limit of this run's router changes which schedules hide it.`,
  judge(run) {
    const feasible = feasibleSchedules(run)
    if (trafficOf(run).limits.length < 2) return notTested('Without routing decisions there is no traffic to schedule.')
    const sweeps = scheduleSweeps()
    const limits = listed(sweeps.map(({ title, hidesUpTo }) => `${title} up to ${digits(hidesUpTo)}`))
    const preamble = `On ${simulatedPipeline.rankCount} ranks and ${simulatedPipeline.microbatchCount} micro-batches, communication stays hidden at these ratios to computation: ${limits}.`
    const changing = networkGbits.filter(
      (gbits) => new Set(feasible.filter((row) => row.gbits === gbits).map(({ names }) => names.join())).size > 1,
    )
    if (changing.length === 0)
      return didNotHold(
        `${preamble} On none of the networks from ${networkGbits[0]} to ${networkGbits.at(-1)!} Gbit/s does the group limit change that set.`,
      )
    const [gbits] = changing
    const rows = feasible.filter((row) => row.gbits === gbits)
    const cases = rows.map(
      ({ activeGroupCount, ratio, names }) => `${digits(ratio)} with ${activeGroupCount} (${names.length > 0 ? listed(names) : 'none'})`,
    )
    return held(`${preamble} Between machines like this one, at ${gbits} Gbit/s, the ratio is ${listed(cases)} groups a token.`)
  },
}
