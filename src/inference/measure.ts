/**
 * Inference measured on the model at hand: prefill and decoding as two regimes, rollouts in batches.
 *
 * What a figure is of is counted (`decode-work.ts`), never measured; only seconds are. Alternatives take turns, so that a slow
 * second slows all of them, and the median of the turns counts.
 */
import { Random } from '../base/random.ts'
import { median } from '../base/statistics.ts'
import type { Model } from '../architecture/index.ts'
import { Decoder } from './decode.ts'
import { leftOuts } from './decode-rounds.ts'
import { decodeWork, prefillWork, type TokenWork } from './decode-work.ts'
import type { DecodeSplit, RegimeEvent, RolloutSpeedEvent } from './events.ts'
import { LatentCache } from './latent-cache.ts'
import { prefill } from './prefill.ts'
import { rollout, type RolloutEngine } from './rollout.ts'

/** What to measure, and for how long. */
export interface MeasureOptions {
  /** Tokens before the decoded one, and of prompts; those beyond the model's context are left out. */
  readonly contextLengths: readonly number[]
  /** Sequences at once. */
  readonly rowCounts: readonly number[]
  /** Of each figure, about. */
  readonly seconds: number
  /** Called behind each figure; for what is to be measured spread over the same time. */
  readonly afterEach: () => void
}

const defaultMeasureOptions: MeasureOptions = {
  contextLengths: [32, 64, 128, 256, 512],
  rowCounts: [1, 4, 16],
  seconds: 0.1,
  afterEach: () => undefined,
}

/** Median seconds of each alternative, a round of warm-up left out; three rounds at least. */
function secondsOf(works: readonly (() => void)[], seconds: number): number[] {
  for (const work of works) work()
  const samples = works.map(() => [] as number[])
  const end = performance.now() + 1000 * seconds * works.length
  do {
    for (const [i, work] of works.entries()) {
      const start = performance.now()
      work()
      samples[i].push((performance.now() - start) / 1000)
    }
  } while (performance.now() < end || samples[0].length < 3)
  return samples.map((times) => median(times))
}

type Regime = Pick<RegimeEvent, 'kind' | 'contextLength' | 'rows' | 'split'>

function regime(given: Regime, tokenSeconds: number, { flops, weightBytes, cacheBytes }: TokenWork): RegimeEvent {
  const bytes = weightBytes + cacheBytes
  return {
    type: 'inference/regime',
    ...given,
    tokensPerSecond: 1 / tokenSeconds,
    flopsPerToken: flops,
    bytesPerToken: bytes,
    cacheBytesPerToken: cacheBytes,
    gflops: flops / tokenSeconds / 1e9,
    gbs: bytes / tokenSeconds / 1e9,
    arithmeticIntensity: flops / bytes,
  }
}

/**
 * Measures prefill and decoding at several context lengths and numbers of rows, on tokens drawn at random.
 *
 * @returns prefill first, then decoding, each by context length and rows
 */
export function measureInference(model: Model, given: Partial<MeasureOptions> = {}): RegimeEvent[] {
  const { contextLengths, rowCounts, seconds, afterEach } = { ...defaultMeasureOptions, ...given }
  const { config, machine } = model
  using _scope = machine.scope()
  const longest = Math.min(config.maxLength, model.cosine_TP.shape[0]) - 1
  const lengths = contextLengths.filter((length) => length >= 1 && length <= longest)
  const rng = Random.seeded(0).fork('inference/measure')
  const draw = (count: number) => Int32Array.from({ length: count }, () => rng.below(config.vocabSize))
  const capacity = Math.max(1, ...lengths) + 1
  const caches = Array.from({ length: Math.max(0, ...rowCounts) }, () => new LatentCache(model, capacity))
  const { weights } = new Decoder(model)
  const found: RegimeEvent[] = []
  for (const contextLength of lengths) {
    const ids = draw(contextLength)
    const [time] = secondsOf(
      [
        () => {
          caches[0].truncate(0)
          prefill(caches[0], ids, weights)
        },
      ],
      seconds,
    )
    found.push(regime({ kind: 'prefill', contextLength, rows: 1, split: null }, time / contextLength, prefillWork(config, contextLength)))
    afterEach()
  }
  for (const contextLength of lengths) {
    const [first, ...others] = caches
    first.truncate(0)
    prefill(first, draw(contextLength), weights)
    for (const cache of others) cache.copyFrom(first)
    for (const rows of rowCounts) {
      using _step = machine.scope()
      const used = caches.slice(0, rows)
      const works = leftOuts.map((leftOut) => {
        const decoder = new Decoder(model, rows, { leftOut, weights })
        return () => {
          for (const cache of used) cache.truncate(contextLength)
          decoder.decode(used.map((cache) => ({ id: rng.below(config.vocabSize), cache })))
        }
      })
      const times = secondsOf(works, seconds).map((time) => time / rows)
      for (const cache of used) cache.truncate(contextLength)
      found.push(regime({ kind: 'decode', contextLength, rows, split: splitOf(times) }, times[0], decodeWork(config, contextLength, rows)))
      afterEach()
    }
  }
  return found
}

/** Parts by what goes when they are left out; one that is lost in the clock's noise is 0. */
function splitOf([tokenSeconds, withoutCache, withoutExperts]: readonly number[]): DecodeSplit {
  const cacheSeconds = Math.max(0, tokenSeconds - withoutCache)
  const expertSeconds = Math.max(0, Math.min(tokenSeconds - withoutExperts, tokenSeconds - cacheSeconds))
  return { tokenSeconds, cacheSeconds, expertSeconds, weightSeconds: tokenSeconds - cacheSeconds - expertSeconds }
}

/**
 * Rollouts of the same prompts at several numbers of rows, temperature 1; each prompt is read once for a group of texts, as in
 * reinforcement.
 *
 * @param prompts   so many that every one of the largest number of rows is taken
 * @param groupSize texts of each prompt
 * @param maxTokens of each text; nothing ends it earlier
 */
export function measureRollouts(
  model: Model,
  prompts: readonly ArrayLike<number>[],
  groupSize: number,
  rowCounts: readonly number[],
  maxTokens: number,
  seconds = 0.1,
): RolloutSpeedEvent[] {
  using _scope = model.machine.scope()
  const options = { samplesPerPrompt: groupSize, maxTokens, temperature: 1, stopIds: [], seedOf: (index: number) => index }
  const works = rowCounts.map((rows) => {
    const engine: RolloutEngine = { decoder: new Decoder(model, rows), idCount: model.config.vocabSize }
    return () => void rollout(engine, prompts, options)
  })
  return secondsOf(works, seconds).map((time, i) => ({
    type: 'inference/rollout',
    rows: rowCounts[i],
    tokensPerSecond: (prompts.length * groupSize * maxTokens) / time,
  }))
}
