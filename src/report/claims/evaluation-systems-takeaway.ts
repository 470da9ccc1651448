/** Each layer narrows what the next can do: the four arrows of the sequence, each measured or not. */
import { judge } from '../judge.ts'
import type { Claim } from '../types.ts'
import { listed } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { inferenceToArchitecture } from './sequence-inference-to-architecture.ts'
import { routingToTraffic } from './sequence-routing-to-traffic.ts'
import { scheduleToInference } from './sequence-schedule-to-inference.ts'
import { trafficToSchedule } from './sequence-traffic-to-schedule.ts'
import { didNotHold, held, notEstablished, notTested } from './verdicts.ts'

/** The arrows in the order of the sequence. */
const arrows: readonly { readonly claim: Claim; readonly says: string }[] = [
  { claim: routingToTraffic, says: 'from routing to traffic' },
  { claim: trafficToSchedule, says: 'from traffic to schedule' },
  { claim: scheduleToInference, says: 'from training to inference' },
  { claim: inferenceToArchitecture, says: 'from inference to architecture' },
]

export const systemsTakeaway: Claim = {
  id: 'evaluation.systems-takeaway',
  statement: claimStatements['evaluation.systems-takeaway'],
  mechanism: 'src/report/claims/evaluation-systems-takeaway.ts',
  needs: [],
  command: 'strata run nano',
  rule: 'It holds where all four arrows of the sequence were measured and held; it does not hold where one was measured and did not. Where one was not measured, or not decided, it is not established.',
  judge(run) {
    const found = arrows.map((arrow) => ({ says: arrow.says, outcome: judge(arrow.claim, run).outcome }))
    const tested = found.filter(({ outcome }) => outcome !== 'not tested')
    if (tested.length === 0) return notTested('None of the four arrows was measured.')
    const words = {
      held: 'held',
      'did not hold': 'did not hold',
      'not established': 'was not established',
      'not tested': 'was not measured',
    } as const
    const sentence = `Of ${arrows.length} arrows ${tested.length === 1 ? 'one was' : `${tested.length} were`} measured: ${listed(found.map(({ says, outcome }) => `that ${says} ${words[outcome]}`))}.`
    if (found.some(({ outcome }) => outcome === 'did not hold')) return didNotHold(sentence)
    return found.every(({ outcome }) => outcome === 'held') ? held(sentence) : notEstablished(sentence)
  },
}
