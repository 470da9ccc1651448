/** For tests: events of what follows pre-training, shaped like those of a short run of `nano`. */
import { shareInterval } from '../base/statistics.ts'
import type { InferenceEvent, RegimeEvent, RoutingEvent } from '../inference/index.ts'
import type { PosttrainingEvent, RlStepEvent } from '../posttraining/index.ts'
import { type AblationEvent, ablationMetrics, type AblationResultEvent, type Recipe, type Stage } from '../pretraining/index.ts'
import type { RunRecordEvent } from './run-record.ts'
import { testDecodeRounds, testDraftRounds } from './test-run-timings.ts'
import { testMemoryEvent } from './test-run-memory.ts'

/** Inference, ablations, fine-tuning and reinforcement. */
export const testLaterEvents = (recipe: Recipe): RunRecordEvent[] => [
  ...routing(recipe),
  ...inference(recipe),
  ablation(recipe, 'mtp', 'foundations.denser-supervision', ['mtp', 'no-mtp'], 'loss', [-0.012, -0.03, 0.006]),
  ablation(recipe, 'balance', 'architecture.balance-in-design', ['bias', 'none'], 'loss', [-0.021, -0.038, -0.004]),
  ablation(recipe, 'balance', 'architecture.balance-in-design', ['bias', 'none'], 'overload', [-1.4, -1.7, -1.1]),
  ablation(recipe, 'balance', 'architecture.balance-in-design', ['bias', 'sequence-loss'], 'loss', [-0.004, -0.02, 0.012]),
  ablation(recipe, 'latent-cache', 'architecture.latent-cache', ['latent', 'full-heads'], 'loss', [-0.004, -0.02, 0.012]),
  ablation(recipe, 'memory', 'infrastructure.not-resident', ['fp8-cache', 'plain'], 'loss', [0.003, 0.001, 0.005]),
  ablation(recipe, 'memory', 'infrastructure.not-resident', ['bf16-moments', 'plain'], 'loss', [0.0004, -0.001, 0.002]),
  testMemoryEvent(recipe, baseOf(recipe)),
  accumulation(recipe),
  {
    type: 'sft/data',
    conversations: 6000,
    bySource: { letters: 900, arithmetic: 900, prose: 4200 },
    rows: 700,
    rowLength: 512,
    replayedRows: 40,
    tokens: 340_000,
    supervisedTokens: 120_000,
    droppedTooLong: 3,
    droppedWithoutTargets: 0,
    filledShare: 0.94,
  },
  ...accuracies('pretrain', 0),
  ...accuracies('sft', 40),
  ...reinforcement('rl', 30),
  ...accuracies('rl', 70),
  ...reinforcement('rl-shuffled', 10),
  ...accuracies('rl-shuffled', 38),
]

/** Groups that a token visits under each limit, of four. */
const groupsUnderLimit: Readonly<Record<number, number>> = { 1: 1, 2: 1.93, 4: 2.81 }

function routing({ model }: Recipe): RoutingEvent[] {
  const layers = Array.from({ length: model.layerCount - model.denseLayerCount }, (_, index) => model.denseLayerCount + index)
  const event = (activeGroupCount: number, hasBias: boolean, addedNats: number | null): RoutingEvent => ({
    type: 'inference/routing',
    stage: 'pretrain',
    activeGroupCount,
    isAsTrained: activeGroupCount === model.activeGroupCount && hasBias,
    hasBias,
    tokens: 8192,
    rows: 64,
    lossNats: 4.6 + (addedNats ?? 0),
    addedNats,
    plusMinus: addedNats === null ? null : 0.02,
    layers,
    visits: [2, 4, 8, 16].map((nodeCount) => ({
      nodeCount,
      perTokenByLayer: layers.map((layer) => {
        const groups = groupsUnderLimit[activeGroupCount] + (activeGroupCount > 1 ? 0.02 * layer - 0.05 : 0)
        return nodeCount === model.groupCount ? groups : Math.min(groups * (nodeCount / 4) ** 0.6, nodeCount, 4)
      }),
    })),
  })
  return [event(2, true, null), event(1, true, 0.31), event(4, true, 0.02), event(2, false, 0.12)]
}

function inference({ model }: Recipe): InferenceEvent[] {
  const regime = (kind: 'prefill' | 'decode', contextLength: number, rows: number): RegimeEvent => {
    const flopsPerToken = 3_000_000 + 400 * contextLength
    const cacheBytesPerToken = 480 * contextLength
    const bytesPerToken = (kind === 'prefill' ? 12_000_000 / contextLength : 12_000_000 / rows) + cacheBytesPerToken
    const tokensPerSecond = kind === 'prefill' ? 20_000 / (1 + contextLength / 4096) : (1500 * rows ** 0.6) / (1 + contextLength / 2048)
    const tokenSeconds = 1 / tokensPerSecond
    const split = {
      tokenSeconds,
      cacheSeconds: 0.1 * tokenSeconds,
      expertSeconds: 0.35 * tokenSeconds,
      weightSeconds: 0.55 * tokenSeconds,
    }
    return {
      type: 'inference/regime',
      kind,
      contextLength,
      rows,
      tokensPerSecond,
      flopsPerToken,
      bytesPerToken,
      cacheBytesPerToken,
      gflops: (tokensPerSecond * flopsPerToken) / 1e9,
      gbs: (tokensPerSecond * bytesPerToken) / 1e9,
      arithmeticIntensity: flopsPerToken / bytesPerToken,
      split: kind === 'decode' ? split : null,
    }
  }
  const load = (domain: string, hot: number): InferenceEvent => ({
    type: 'inference/expert-load',
    domain,
    loadByRouter: Array.from({ length: model.layerCount - model.denseLayerCount }, (_, layer) =>
      Array.from({ length: model.expertCount }, (_unused, e) => (e === (hot + layer) % model.expertCount ? 900 : 210)),
    ),
  })
  return [
    ...[64, 256, 1024].map((length) => regime('prefill', length, 1)),
    ...[64, 256, 1024].map((length) => regime('decode', length, 1)),
    ...[4, 16].map((rows) => regime('decode', 256, rows)),
    {
      type: 'inference/speculation',
      drafted: 512,
      accepted: 171,
      steps: 512,
      tokensPerSecondOff: 1500,
      tokensPerSecondOn: 1380,
      isSameText: true,
    },
    testDecodeRounds([64, 1024], { weights: 300e-6, experts: 180e-6, cache: [20e-6, 400e-6] }),
    testDraftRounds(0.92),
    { type: 'inference/rollout', rows: 1, tokensPerSecond: 1500 },
    { type: 'inference/rollout', rows: 16, tokensPerSecond: 6100 },
    ...['prose', 'facts', 'code', 'maths'].map(load),
  ]
}

const baseOf = ({ model, training, tokenizer }: Recipe) => ({
  width: model.width / 2,
  layerCount: 3,
  vocabSize: tokenizer.vocabSize,
  rowLength: training.rowLength,
  rows: training.rows,
})

const differenceOf = ([difference, low, high]: readonly [number, number, number]) => {
  const verdict = high < 0 ? ('lower' as const) : low > 0 ? ('higher' as const) : ('not established' as const)
  return { difference, low, high, verdict }
}

function ablation(
  recipe: Recipe,
  name: string,
  claim: string,
  [variant, control]: readonly [string, string],
  metric: 'loss' | 'overload',
  ends: readonly [number, number, number],
): AblationResultEvent {
  const arm = (of: string, lossNats: number): AblationResultEvent['details']['variant'] => {
    const maxViolation = of === 'none' ? 2.1 : 0.7
    return {
      parameters: 1_500_000,
      activated: 700_000,
      cacheBytesPerToken: of.startsWith('full') ? 1632 : 288,
      flopsPerToken: 6_000_000,
      decodeFlopsPerToken: 1_500_000,
      lossNats,
      lossByQuarter: [lossNats + 0.1, lossNats, lossNats, lossNats - 0.1],
      bitsPerByteByDomain: { prose: 2.9, code: 3.2 },
      maxViolation,
      trainedMaxViolation: maxViolation,
      steps: 117,
      clippedShare: 0.6,
      spikes: 0,
      skippedSteps: 0,
      brokeAtStep: null,
      scores: {},
      secondsPerRun: 12,
    }
  }
  return {
    type: 'ablation/result',
    name,
    claims: [claim, 'pretraining.ablations'],
    variant,
    control,
    says: { variant: `the model with ${variant}`, control: `the model with ${control}` },
    seeds: 1,
    tokens: 60_000,
    ...ablationMetrics[metric],
    domain: null,
    base: baseOf(recipe),
    ...differenceOf(ends),
    n: 64,
    intervalOver: metric === 'loss' ? 'rows' : 'batches',
    details: { variant: arm(variant, metric === 'loss' ? 5.2 + ends[0] : 5.2), control: arm(control, 5.2), byDomain: {} },
    wasCached: false,
    seconds: 24,
  }
}

function accumulation(recipe: Recipe): AblationEvent {
  const arm = (error: number) => ({
    gradientError: error,
    medianUlps: 1e6 * error,
    ulps99: 1e7 * error,
    lossDriftNats: error,
    weightDriftShare: error,
  })
  return {
    type: 'ablation/accumulation',
    name: 'accumulation',
    claims: ['foundations.stable-accumulation'],
    variant: 'bf16 sums',
    control: 'f32 sums',
    metric: 'error of a summed gradient',
    unit: 'share of its norm',
    base: baseOf(recipe),
    parts: 4,
    steps: 8,
    ...differenceOf([0.004, 0.003, 0.005]),
    n: 40,
    intervalOver: 'tensors',
    details: { variant: arm(4e-3), control: arm(2e-7) },
    wasCached: false,
    seconds: 3,
  }
}

function accuracies(stage: Stage, correct: number): PosttrainingEvent[] {
  const tasks = ['letters', 'arithmetic', 'comparison', 'units', 'countdown']
  const event = (task: string, n: number, right: number, chance: number): PosttrainingEvent => ({
    type: 'posttraining/accuracy',
    stage,
    task,
    family: task,
    temperature: 0,
    n,
    correct: right,
    accuracy: right / n,
    chance,
    interval: shareInterval(right, n),
    formatRate: stage === 'pretrain' ? 0.01 : 0.93,
    stopRate: stage === 'pretrain' ? 0 : 0.97,
    meanTokens: stage === 'pretrain' ? 48 : 21,
  })
  const prompt = 'How many times does the letter "r" occur in "strawberry"?'
  return [
    ...tasks.map((task, index) => event(task, 40, Math.min(40, Math.floor(correct / (index + 2))), 0.1 * (index % 3))),
    event('all', 200, correct, 0.09),
    {
      type: 'posttraining/sample',
      stage,
      task: 'letters',
      prompt,
      reply: '<answer>3</answer>',
      answer: '3',
      isCorrect: true,
      isWellFormed: true,
      reward: 1,
    },
  ]
}

function reinforcement(stage: 'rl' | 'rl-shuffled', steps: number): RlStepEvent[] {
  return Array.from({ length: steps }, (_, index): RlStepEvent => {
    const share = stage === 'rl' ? index / steps : 0
    return {
      type: 'rl/step',
      stage,
      step: index + 1,
      tokens: (index + 1) * 2600,
      replies: 128,
      rewardMean: 0.2 + 0.25 * share,
      rewardStd: 0.4,
      accuracy: 0.2 + 0.2 * share,
      formatRate: 0.93,
      stopRate: 0.97,
      skippedGroups: 4,
      groups: 16,
      replyTokensMean: 20.5,
      klNats: 0.01 + 0.03 * share,
      clipShare: 0.001,
      ratioFirst: { min: 0.999_999, max: 1.000_001 },
      ratioLast: { min: 0.999_999, max: 1.000_001 },
      logProbabilityGap: { max: 2e-6, mean: 3e-7 },
      entropyNats: 0.8 - 0.2 * share,
      gradientNorm: 0.9,
      learningRate: 1e-4,
      updates: 1,
      stepSeconds: 4,
      rolloutSeconds: 2.4,
      trainSeconds: 1.5,
      rolloutTokensPerSecond: 1080,
      heapBytes: 80_000_000,
    }
  })
}
