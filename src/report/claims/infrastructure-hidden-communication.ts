/** DualPipe against 1F1B and ZB1P in the simulator, at the traffic of this run's router. No schedule runs across devices here. */
import { scheduleTimeline } from '../figures/index.ts'
import { html } from '../html.ts'
import { catalogue, createSchedule, simulate, uniformTiming } from '../../infrastructure/index.ts'
import { comparedSchedules, simulatedPipeline, stepOf } from '../findings/hiding-schedules.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { digits, listed } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { feasibleSchedules } from './sequence-traffic-to-schedule.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

/** The network on which this run's traffic is scheduled, Gbit/s. */
const gbits = 10
/** Communication that DualPipe may expose, as a share of what the better of the others exposes. */
const mostExposed = 0.5

/** The compared schedules at the traffic of the router as trained; none without routing decisions. */
export function schedulesAtTraffic(run: RunFacts) {
  const limit = run.document.recipe.model.activeGroupCount
  const ratio = feasibleSchedules(run).find((row) => row.gbits === gbits && row.activeGroupCount === limit)?.ratio
  if (ratio === undefined) return null
  const rows = comparedSchedules.map((name) => {
    const { makespan, exposed } = stepOf(name, ratio)
    return { name, title: catalogue[name].title, makespan, exposed }
  })
  return { ratio, gbits, rows }
}

export const hiddenCommunication: Claim = {
  id: 'infrastructure.hidden-communication',
  statement: claimStatements['infrastructure.hidden-communication'],
  mechanism: 'src/infrastructure/schedules/dualpipe.ts',
  needs: needs('inference/routing'),
  command: 'strata run nano',
  rule: `It holds where, simulated at this run’s traffic on a network of ${gbits} Gbit/s, DualPipe exposes at most ${100 * mostExposed} % of the communication that 1F1B and ZB1P expose, its step is the shortest, and its bubble without communication is the published formula’s. Executed schedules are not part of it.`,
  judge(run) {
    const found = schedulesAtTraffic(run)
    if (!found) return notTested('Without routing decisions there is no traffic to schedule.')
    const { ratio, rows } = found
    const dualpipe = rows.find(({ name }) => name === 'dualpipe')!
    const others = rows.filter(({ name }) => name !== 'dualpipe')
    const bubble = stepOf('dualpipe', 0).bubble
    const formula = catalogue.dualpipe.bubble(simulatedPipeline.rankCount, { forward: 1, backward: 2, weight: 1, overlapped: 3 })
    const steps = listed(
      rows.map(({ title, makespan, exposed }) => `${title} ${digits(makespan)} (${digits(exposed)} of it waiting for the network)`),
    )
    const sentence = `Simulated on ${simulatedPipeline.rankCount} ranks with ${simulatedPipeline.microbatchCount} micro-batches at ${digits(ratio)} of communication to computation, a step takes, in forward passes of a chunk, ${steps}; DualPipe’s bubble is ${digits(bubble)} where the formula says ${digits(formula)}. Nothing was executed across devices.`
    const isHidden = others.every(({ exposed, makespan }) => dualpipe.exposed <= mostExposed * exposed && dualpipe.makespan < makespan)
    return isHidden && Math.abs(bubble - formula) < 1e-9 ? held(sentence) : didNotHold(sentence)
  },
  figure() {
    const request = { name: 'dualpipe', rankCount: 8, microbatchCount: 20 } as const
    const schedule = createSchedule(request)
    const simulation = simulate(schedule, uniformTiming(request.rankCount, { forward: 1, backward: 2, weight: 1, overlapped: 3 }))
    return {
      id: 'dualpipe-timeline',
      drawing: scheduleTimeline({
        title: 'DualPipe on eight ranks',
        description: `Twenty micro-batches from both ends: a step of ${digits(simulation.makespan)} units, of which every rank waits ${digits(simulation.maxIdle)}.`,
        schedule,
        simulation,
        unit: 'forward passes of a chunk',
      }),
      caption: html`The schedule of the report’s figure 5, as our simulator runs it: a rank waits ${digits(simulation.maxIdle)} of
      ${digits(simulation.makespan)} units, and in the middle almost every block is a pair, a forward pass above a backward one, which hides
      the communication of both. Eight ranks, twenty micro-batches.`,
    }
  },
}
