/** What `strata bench generate` measures beside single tokens: rollouts in batches, and drafts on and off. */
import { createModel, decodeFlopsPerToken, type Model, type ModelConfig, presets } from '../../architecture/index.ts'
import { usageError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { type Machine, PackedWeights } from '../../compute/index.ts'
import { initialize, type Tokenizer, trainTokenizer } from '../../foundations/index.ts'
import { Decoder, decodeWork, Engine, generate, type GenerationSummary, rollout } from '../../inference/index.ts'
import { loadModelFolder } from '../../infrastructure/index.ts'
import type { GenerateResult } from './generate.ts'
import { measureGroup } from './group.ts'
import type { Effort } from './measure.ts'
import type { Rig } from './rig.ts'

/** A model with a tokenizer, ready for an engine. */
export interface BenchModel {
  readonly model: Model
  readonly tokenizer: Tokenizer
}

/** Texts that drafts are measured on. */
const openings = ['The house stands at the end of the road', 'export function add(a, b) {', 'What is 12 + 7?', 'Water boils when']
const rolloutRows = [1, 16]
const promptTokens = 32
const rolloutTokens = 32
const draftedTokens = 64

/**
 * The model of a folder, or the preset `nano` with random weights: its drafts are right by chance only.
 *
 * @throws UsageError for a folder without a tokenizer
 */
export function openBenchModel(machine: Machine, folder: string | undefined): BenchModel {
  if (folder !== undefined) {
    const { model, tokenizer } = loadModelFolder(machine, folder, { withGradients: false })
    if (!tokenizer) throw usageError(folder, 'a model with tokenizer.json', 'one without', 'Put the tokenizer of this model there.')
    return { model, tokenizer }
  }
  const model = createModel(machine, presets.nano, { withGradients: false })
  initialize(model.parameters.set, presets.nano.initStd, Random.seeded(0).fork('bench/drafts'))
  return { model, tokenizer: trainTokenizer(openings, { vocabSize: 280 }) }
}

/** Sixteen texts behind one prompt, one at a time and all at once; the texts must be the same. */
export function benchRollout(rig: Rig, effort: Effort, config: ModelConfig, tokens = rolloutTokens): GenerateResult[] {
  const machine = rig.all
  using _scope = machine.scope()
  const rng = Random.seeded(0).fork('bench/rollout')
  const sizes = { ...config, mtpDepth: 0 }
  const model = createModel(machine, sizes, { withGradients: false, length: promptTokens + tokens })
  initialize(model.parameters.set, config.initStd, rng)
  const count = Math.max(...rolloutRows)
  const prompts = [Int32Array.from({ length: promptTokens }, () => rng.below(config.vocabSize))]
  const options = { samplesPerPrompt: count, maxTokens: tokens, temperature: 1, stopIds: [], seedOf: (index: number) => index }
  const texts = new Map<number, string>()
  const weights = new PackedWeights(machine)
  const cases = rolloutRows.map((rows) => {
    const engine = { decoder: new Decoder(model, rows, { weights }), idCount: config.vocabSize }
    const run = () =>
      void texts.set(
        rows,
        rollout(engine, prompts, options)
          .map(({ ids }) => ids.join())
          .join(';'),
      )
    const work = decodeWork(config, promptTokens, rows)
    // Of the first token of each text only the prompt's pass is due, which is not counted.
    const decoded = count * (tokens - 1)
    return {
      name: 'rollout',
      shape: { rows, texts: count, prompt: promptTokens, tokens },
      flops: decoded * work.flops,
      bytes: decoded * (work.weightBytes + work.cacheBytes),
      run,
      verify: () => ({ error: texts.get(rows) === texts.get(rolloutRows[0]) ? 0 : 1, allowed: 0 }),
      work,
    }
  })
  return measureGroup(rig, machine, cases, effort).map((result, i) =>
    Object.assign(result, {
      tokensPerSecond: (count * tokens) / result.medianSeconds,
      weightBytesPerToken: cases[i].work.weightBytes,
      cacheBytesPerToken: cases[i].work.cacheBytes,
    }),
  )
}

/** The likeliest text behind some openings, without drafts and with one a step; nothing for a model that cannot draft. */
export function benchSpeculation(rig: Rig, effort: Effort, { model, tokenizer }: BenchModel, tokens = draftedTokens): GenerateResult[] {
  if (model.parameters.mtp.length === 0) return []
  const { config, machine } = model
  using _scope = machine.scope()
  const engine = new Engine(model, tokenizer)
  const room = model.cosine_TP.shape[0] - tokens
  const prompts = openings.map((text) => tokenizer.encode(text).subarray(0, Math.max(1, room)))
  const cases = [0, 1].map((speculate) => {
    const found = { texts: '', summaries: [] as GenerationSummary[] }
    const run = () => {
      const runs = prompts.map((prompt) => finish(engine, prompt, tokens, speculate))
      found.texts = runs.map(({ ids }) => ids.join()).join(';')
      found.summaries = runs.map(({ summary }) => summary)
    }
    return { name: speculate === 0 ? 'without drafts' : 'with drafts', shape: { texts: prompts.length, tokens }, run, found }
  })
  const { weightBytes, cacheBytes } = decodeWork(config, promptTokens, 1)
  const works = cases.map((each) => {
    each.run()
    const decoded = sumOf(each.found.summaries, ({ decodedTokens }) => decodedTokens)
    const verify = () => ({ error: each.found.texts === cases[0].found.texts ? 0 : 1, allowed: 0 })
    return { ...each, flops: decoded * decodeFlopsPerToken(config, promptTokens), bytes: decoded * (weightBytes + cacheBytes), verify }
  })
  return measureGroup(rig, machine, works, effort).map((result, i) => {
    const { summaries } = cases[i].found
    return Object.assign(result, {
      tokensPerSecond: sumOf(summaries, (summary) => summary.tokens) / result.medianSeconds,
      weightBytesPerToken: weightBytes,
      cacheBytesPerToken: cacheBytes,
      draftedTokens: sumOf(summaries, (summary) => summary.draftedTokens),
      acceptedTokens: sumOf(summaries, (summary) => summary.acceptedTokens),
      steps: sumOf(summaries, ({ steps }) => steps),
    })
  })
}

const sumOf = (summaries: readonly GenerationSummary[], read: (summary: GenerationSummary) => number) =>
  summaries.reduce((sum, summary) => sum + read(summary), 0)

function finish(engine: Engine, prompt: ArrayLike<number>, maxTokens: number, speculate: number) {
  const ids: number[] = []
  const source = generate(engine, prompt, { temperature: 0, maxTokens, speculate })
  let next = source.next()
  for (; !next.done; next = source.next()) ids.push(next.value.id)
  return { ids, summary: next.value }
}
