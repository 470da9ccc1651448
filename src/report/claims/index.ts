/** Every claim of the report in the catalogue's order. One file, one claim. */
import type { Claim } from '../types.ts'
import { balanceInDesign } from './architecture-balance-in-design.ts'
import { claimIds } from './catalogue.ts'
import { constrainedRouting } from './architecture-constrained-routing.ts'
import { latentCache } from './architecture-latent-cache.ts'
import { rotaryPosition } from './architecture-rotary-position.ts'
import { appendixSignal } from './evaluation-appendix-signal.ts'
import { outcomeNotCause } from './evaluation-outcome-not-cause.ts'
import { systemsTakeaway } from './evaluation-systems-takeaway.ts'
import { weakJudges } from './evaluation-weak-judges.ts'
import { baseLoop } from './foundations-base-loop.ts'
import { denserSupervision } from './foundations-denser-supervision.ts'
import { protectedStates } from './foundations-protected-states.ts'
import { readingTools } from './foundations-reading-tools.ts'
import { stableAccumulation } from './foundations-stable-accumulation.ts'
import { clusterShape } from './infrastructure-cluster-shape.ts'
import { fp8Policy } from './infrastructure-fp8-policy.ts'
import { hiddenCommunication } from './infrastructure-hidden-communication.ts'
import { notResident } from './infrastructure-not-resident.ts'
import { decodeExposed } from './inference-decode-exposed.ts'
import { hotExpertsClaim } from './inference-hot-experts.ts'
import { residentStateClaim } from './inference-resident-state.ts'
import { twoRegimes } from './inference-two-regimes.ts'
import { filteredData } from './posttraining-filtered-data.ts'
import { modelRewards } from './posttraining-model-rewards.ts'
import { ruleRewards } from './posttraining-rule-rewards.ts'
import { sftFormat } from './posttraining-sft-format.ts'
import { ablationsSeparate } from './pretraining-ablations.ts'
import { mixtureDecides } from './pretraining-mixture.ts'
import { stagedContext } from './pretraining-staged-context.ts'
import { toleranceShown } from './pretraining-tolerance.ts'
import { inferenceToArchitecture } from './sequence-inference-to-architecture.ts'
import { routingToTraffic } from './sequence-routing-to-traffic.ts'
import { scheduleToInference } from './sequence-schedule-to-inference.ts'
import { trafficToSchedule } from './sequence-traffic-to-schedule.ts'

const unordered: readonly Claim[] = [
  routingToTraffic,
  trafficToSchedule,
  scheduleToInference,
  inferenceToArchitecture,
  baseLoop,
  readingTools,
  stableAccumulation,
  protectedStates,
  denserSupervision,
  rotaryPosition,
  latentCache,
  constrainedRouting,
  balanceInDesign,
  clusterShape,
  hiddenCommunication,
  fp8Policy,
  notResident,
  mixtureDecides,
  toleranceShown,
  stagedContext,
  ablationsSeparate,
  sftFormat,
  ruleRewards,
  modelRewards,
  filteredData,
  weakJudges,
  twoRegimes,
  decodeExposed,
  residentStateClaim,
  hotExpertsClaim,
  outcomeNotCause,
  appendixSignal,
  systemsTakeaway,
]

export const claims: readonly Claim[] = claimIds.flatMap((id) => unordered.filter((claim) => claim.id === id))
