/** For tests: events of data, training and its controls, shaped like those of a short run of `nano`. */
import { Random } from '../base/random.ts'
import { trainingFlopsPerToken } from '../architecture/index.ts'
import type { Recipe, Stage, TrainingEvent } from '../pretraining/index.ts'
import type { DataEvent } from '../pretraining/index.ts'

const domains = ['prose', 'facts', 'code', 'technical', 'multilingual', 'maths'] as const

/** What the data layer says of six sources. */
export const testDataEvents = (): DataEvent[] => [
  ...domains.map((domain, index) => ({
    type: 'data-source' as const,
    source: `${domain}-source`,
    domain,
    documents: 200 * (index + 1),
    utf8Bytes: 4_000_000 + 500_000 * index,
    isCached: false,
  })),
  { type: 'data-deduplicated', exactCopies: 12, nearCopies: 34, droppedBytes: 56_000 },
  ...domains.map((domain, index) => ({
    type: 'data-tokenized' as const,
    domain,
    tokens: 1_300_000 + 150_000 * index,
    utf8Bytes: 4_000_000 + 500_000 * index,
    isCached: false,
  })),
]

/** A stage of training, as its loop would log it. */
interface StageShape {
  readonly stage: Stage
  readonly steps: number
  readonly batchTokens: number
  readonly rowLength: number
  readonly lossNats: readonly [first: number, last: number]
  readonly maxViolation: readonly [first: number, last: number]
}

/** All stages of a run in order, `scale` of their real number of steps. */
export function testTrainingEvents(recipe: Recipe): TrainingEvent[] {
  const shapes: readonly StageShape[] = [
    { stage: 'pretrain', steps: 200, batchTokens: 512, rowLength: 128, lossNats: [8.4, 4.6], maxViolation: [1.6, 0.42] },
    { stage: 'extend-1', steps: 16, batchTokens: 4096, rowLength: 1024, lossNats: [4.9, 4.5], maxViolation: [0.5, 0.4] },
    { stage: 'extend-2', steps: 16, batchTokens: 4096, rowLength: 4096, lossNats: [4.7, 4.4], maxViolation: [0.5, 0.4] },
    { stage: 'extend-jump', steps: 32, batchTokens: 4096, rowLength: 4096, lossNats: [5.3, 4.5], maxViolation: [0.6, 0.5] },
    { stage: 'sft', steps: 60, batchTokens: 2048, rowLength: 512, lossNats: [3.9, 1.6], maxViolation: [0.7, 0.6] },
  ]
  return shapes.flatMap((shape) => stageEvents(recipe, shape))
}

function stageEvents(recipe: Recipe, { stage, steps, batchTokens, rowLength, lossNats, maxViolation }: StageShape): TrainingEvent[] {
  const rng = Random.seeded(7).fork(`test-run/${stage}`)
  const between = ([first, last]: readonly [number, number], share: number) => last + (first - last) * Math.exp(-5 * share)
  const modelFlops = batchTokens * trainingFlopsPerToken(recipe.model, rowLength).totalWithMtp
  const routers = recipe.model.layerCount - recipe.model.denseLayerCount
  const events: TrainingEvent[] = [{ type: 'training/start', stage, step: 0, tokens: 0, stepCount: steps }]
  for (let step = 1; step <= steps; step++) {
    const share = step / steps
    const loss = between(lossNats, share) + 0.1 * rng.normal()
    const overload = between(maxViolation, share) + 0.02 * rng.uniform()
    const stepSeconds = modelFlops / 70e9 + 0.002 * rng.uniform()
    events.push({
      type: 'training/step',
      stage,
      step,
      tokens: step * batchTokens,
      batchTokens,
      lossNats: loss,
      mtpNats: stage === 'sft' ? [] : [loss + 0.3],
      balance: stage === 'sft' ? null : 1.05,
      learningRate: recipe.training.schedule.learningRate * (1 - 0.9 * share),
      gradientNorm: 1.2 + 0.3 * rng.uniform(),
      biasSpeed: 0.003,
      mtpWeight: stage === 'sft' ? 0 : 0.3,
      maxViolation: { mean: overload, max: 1.5 * overload },
      stepSeconds,
      tokensPerSecond: batchTokens / stepSeconds,
      modelFlops,
      peakShare: 0.58,
      heapBytes: 61_000_000 + 1000 * rowLength,
    })
    if (step === 1 || step % Math.ceil(steps / 20) === 0) {
      const mean = (batchTokens * recipe.model.activeExpertCount) / recipe.model.expertCount
      const load = () =>
        Array.from({ length: recipe.model.expertCount }, (_, e) => Math.round(mean * (1 + (e === 0 ? overload : -overload / 15))))
      events.push({ type: 'training/load', stage, step, loadByRouter: Array.from({ length: routers + 1 }, load) })
    }
  }
  const tokens = steps * batchTokens
  events.push(
    { type: 'training/checkpoint', stage, step: steps, tokens, folder: `checkpoints/${stage}-${steps}`, seconds: 0.2 },
    { type: 'training/end', stage, reason: 'complete', step: steps, tokens, seconds: steps * 0.1 },
  )
  return events
}
