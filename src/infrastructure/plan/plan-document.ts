/** A plan as one JSON document: what `strata plan --json` prints. Sizes in bytes, times in seconds, shares 0..1. */
import { cacheEquivalents, latentCacheBytesPerToken } from '../../architecture/counts-per-token.ts'
import { comparePublishedRun, isPublishedRun } from './published-run.ts'
import { efficiencySources } from './efficiency.ts'
import { memoryLimit, savingsWorth } from './memory.ts'
import type { ServingPlan } from './serving.ts'
import type { TrainingPlan } from './training-plan.ts'

export type PlanDocument = ReturnType<typeof planDocument>

/**
 * @param plan    from `planTraining`
 * @param serving how the model is served; null when its deployment cannot be planned
 */
export function planDocument(plan: TrainingPlan, serving: ServingPlan | null) {
  const { cluster, layout, counts, parameters, memory, traffic, step, run, routing } = plan
  const { keptPerToken, rank, parameters: parametersHeld, liveChunks, ...components } = memory
  return {
    model: plan.name,
    cluster: { name: cluster.name, device: cluster.device.name, devices: cluster.deviceCount, devicesPerNode: cluster.devicesPerNode },
    layout: { ...layout, ...counts },
    parameters: {
      total: parameters.total,
      activated: parameters.activated,
      activatedCounting: 'with the output head, without the input embedding; MTP apart',
      activatedBy: parameters.activatedBy,
      byComponent: parameters.byComponent,
      mtp: parameters.mtp,
    },
    checkpoint: { ...plan.checkpoint, format: 'released FP8 with block scales, MTP included' },
    trainingFlopsPerToken: { ...plan.flopsPerToken, length: layout.sequenceLength },
    inferenceFlopsPerToken: { ...plan.inferenceFlopsPerToken, length: layout.sequenceLength },
    kvCacheBytesPerToken: plan.cacheBytesPerToken,
    kvCacheBytesPerTokenByFormat: {
      f32: latentCacheBytesPerToken(plan.model, 'f32'),
      bf16: latentCacheBytesPerToken(plan.model, 'bf16'),
      fp8: latentCacheBytesPerToken(plan.model, 'fp8'),
    },
    kvCacheElementsPerToken: cacheEquivalents(plan.model),
    memoryPerDevice: {
      limit: memoryLimit(cluster, plan.efficiency),
      ...components,
      pipelineRank: rank,
      parametersHeld,
      liveChunks,
      keptPerToken: keptPerToken.map(({ name, elements, bytesPerElement }) => ({ name, elements, bytesPerElement })),
      worthOfSavings: savingsWorth(plan.model, cluster, layout, step.stages),
    },
    routing,
    traffic,
    schedule: {
      name: layout.schedule,
      stages: step.stages,
      chunkSeconds: step.chunk,
      overlappedPair: {
        computeSeconds: step.lanes.computeBusy,
        communicationSeconds: step.lanes.communicationBusy,
        exposedSeconds: step.lanes.exposedCommunication,
      },
      bubbleSeconds: step.bubbleSeconds,
      exposedCommunicationSeconds: step.exposedSeconds,
      idlePerRank: step.simulation.idle,
      peakActivations: step.simulation.peakActivations,
    },
    step: {
      seconds: step.seconds,
      pipelineSeconds: step.pipelineSeconds,
      optimizerSeconds: step.optimizerSeconds,
      secondsByKind: step.secondsByKind,
      tokensPerStep: counts.tokensPerStep,
      tokensPerDay: run.tokensPerDay,
      mfuCausal: run.mfuCausal,
      mfuFull: run.mfuFull,
    },
    run: {
      tokens: plan.tokens,
      steps: run.steps,
      seconds: run.seconds,
      deviceHours: run.deviceHours,
      deviceHoursPerTrillionTokens: run.deviceHoursPerTrillionTokens,
      dollars: run.dollars,
    },
    serving,
    published: isPublishedRun(plan) ? comparePublishedRun(plan) : null,
    efficiency: { ...plan.efficiency, sources: efficiencySources },
  }
}
