/** For tests: events of what follows pre-training, shaped like those of a short run of `nano`. */
import { shareInterval } from '../base/statistics.ts'
import type { RoutingEvent } from '../inference/index.ts'
import type { Recipe } from '../pretraining/index.ts'
import type { RunRecordEvent } from './run-record.ts'

/** Inference, ablations, fine-tuning and reinforcement. */
export const testLaterEvents = (recipe: Recipe): RunRecordEvent[] =>
  [
    ...routing(recipe),
    ...inference(recipe),
    ablation(recipe, 'mtp', ['foundations.denser-supervision'], 'mtp-1', 'mtp-0', 'loss', 'nats', [-0.012, -0.03, 0.006]),
    ablation(recipe, 'balance', ['architecture.balance-in-design'], 'none', 'bias', 'loss', 'nats', [0.021, 0.004, 0.038]),
    ablation(recipe, 'balance', ['architecture.balance-in-design'], 'none', 'bias', 'overload', 'x mean', [1.4, 1.1, 1.7]),
    ablation(recipe, 'latent-cache', ['architecture.latent-cache'], 'latent', 'full', 'loss', 'nats', [-0.004, -0.02, 0.012]),
    accumulation(recipe),
    {
      type: 'sft/data',
      conversations: 6000,
      bySource: { letters: 900, arithmetic: 900, prose: 4200 },
      rows: 700,
      rowLength: 512,
      tokens: 340_000,
      supervisedTokens: 120_000,
      droppedTooLong: 3,
    },
    ...accuracies('pretrain', 0),
    ...accuracies('sft', 40),
    ...reinforcement('rl', 30),
    ...accuracies('rl', 70),
    ...reinforcement('rl-shuffled', 10),
    ...accuracies('rl-shuffled', 38),
  ] as unknown as RunRecordEvent[]

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

function inference({ model }: Recipe): unknown[] {
  const regime = (kind: 'prefill' | 'decode', contextLength: number, rows: number) => {
    const flopsPerToken = 3_000_000 + 400 * contextLength
    const bytesPerToken = (kind === 'prefill' ? 12_000_000 / contextLength : 12_000_000 / rows) + 400 * contextLength
    const tokensPerSecond = kind === 'prefill' ? 20_000 / (1 + contextLength / 4096) : (1500 * rows ** 0.6) / (1 + contextLength / 2048)
    return {
      type: 'inference/regime',
      kind,
      contextLength,
      rows,
      tokensPerSecond,
      flopsPerToken,
      bytesPerToken,
      gflops: (tokensPerSecond * flopsPerToken) / 1e9,
      gbs: (tokensPerSecond * bytesPerToken) / 1e9,
      arithmeticIntensity: flopsPerToken / bytesPerToken,
    }
  }
  const load = (domain: string, hot: number) => ({
    type: 'inference/expert-load',
    domain,
    loadByRouter: Array.from({ length: model.layerCount - model.denseLayerCount }, (_, layer) =>
      Array.from({ length: model.expertCount }, (_unused, e) => (e === (hot + layer) % model.expertCount ? 900 : 210)),
    ),
  })
  return [
    ...[64, 256, 1024].map((length) => regime('prefill', length, 1)),
    ...[64, 256, 1024].map((length) => regime('decode', length, 1)),
    ...[2, 4, 8, 16].map((rows) => regime('decode', 256, rows)),
    {
      type: 'inference/speculation',
      drafted: 512,
      accepted: 171,
      steps: 512,
      tokensPerSecondOff: 1500,
      tokensPerSecondOn: 1380,
      isSameText: true,
    },
    { type: 'inference/rollout', rows: 1, tokensPerSecond: 1500 },
    { type: 'inference/rollout', rows: 16, tokensPerSecond: 6100 },
    ...['prose', 'facts', 'code', 'maths'].map(load),
  ]
}

function ablation(
  { model, training, tokenizer }: Recipe,
  name: string,
  claims: readonly string[],
  variant: string,
  control: string,
  metric: string,
  unit: string,
  [difference, low, high]: readonly [number, number, number],
): unknown {
  const arm = (lossNats: number, maxViolation: number) => ({
    parameters: 1_500_000,
    activated: 700_000,
    cacheBytesPerToken: name === 'latent-cache' && lossNats === 5.2 ? 2560 : 240,
    flopsPerToken: 6_000_000,
    decodeFlopsPerToken: 1_500_000,
    lossNats,
    lossByQuarter: [lossNats + 0.1, lossNats, lossNats, lossNats - 0.1],
    maxViolation,
    trainedMaxViolation: maxViolation,
    steps: 117,
    clippedShare: 0.6,
    spikes: 0,
    skippedSteps: 0,
    brokeAtStep: null,
    scores: {},
    secondsPerRun: 12,
  })
  return {
    type: 'ablation/result',
    name,
    claims,
    variant,
    control,
    says: { variant: `the model with ${variant}`, control: `the model with ${control}` },
    seeds: 1,
    tokens: 60_000,
    metric,
    unit,
    base: { width: model.width / 2, layerCount: 3, vocabSize: tokenizer.vocabSize, rowLength: training.rowLength, rows: training.rows },
    difference,
    low,
    high,
    n: 64,
    intervalOver: 'rows',
    verdict: high < 0 ? 'lower' : low > 0 ? 'higher' : 'not established',
    details: { variant: arm(5.2 + difference, variant === 'none' ? 2.1 : 0.7), control: arm(5.2, 0.7), byDomain: {} },
    wasCached: false,
    seconds: 24,
  }
}

function accumulation({ model, training, tokenizer }: Recipe): unknown {
  return {
    type: 'ablation/accumulation',
    name: 'accumulation',
    claims: ['foundations.stable-accumulation'],
    variant: 'bf16 sums',
    control: 'f32 sums',
    metric: 'relative error of the gradient',
    unit: 'of its norm',
    base: {
      width: model.width,
      layerCount: model.layerCount,
      vocabSize: tokenizer.vocabSize,
      rowLength: training.rowLength,
      rows: training.rows,
    },
    parts: 4,
    steps: 8,
    difference: 0.004,
    low: 0.003,
    high: 0.005,
    n: 40,
    intervalOver: 'tensors',
    verdict: 'higher',
    details: { variant: {}, control: {} },
    wasCached: false,
    seconds: 3,
  }
}

function accuracies(stage: string, correct: number): unknown[] {
  const tasks = ['letters', 'arithmetic', 'comparison', 'units', 'countdown']
  const event = (task: string, n: number, right: number, chance: number) => ({
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

function reinforcement(stage: 'rl' | 'rl-shuffled', steps: number): unknown[] {
  return Array.from({ length: steps }, (_, index) => {
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
