/** `strata generate`: a model goes on with a text. The text alone goes to standard output, as it comes. */
import { type Command, Option } from 'commander'
import { usageError } from '../../base/errors.ts'
import { formatBytes } from '../../base/format.ts'
import {
  checkGenerationOptions,
  defaultGenerationOptions as defaults,
  Engine,
  generate,
  type GenerationOptions,
  type GenerationSummary,
  Sequence,
} from '../../inference/index.ts'
import { loadModelFolder } from '../../infrastructure/index.ts'
import { commonFlags, type CommonFlags, decimalNumber, wholeNumber } from '../flags.ts'
import { createOutput } from '../output.ts'
import { noteFineTuned, stageFlag, type StageFlag } from '../stage-flag.ts'
import { startMachine } from '../start-machine.ts'
import { readStandardInput } from '../standard-input.ts'

interface Flags extends Omit<GenerationOptions, 'seed'>, Pick<CommonFlags, 'seed' | 'threads' | 'json' | 'quiet'>, StageFlag {
  readonly prompt?: string
}

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('generate')
    .summary('go on with a text')
    .description('Loads a model and goes on with the prompt. Text goes to standard output as it comes, speed to standard error.')
    .argument('<model>', 'a model folder or a run folder')
    .option('--prompt <text>', 'what to go on with; without it, standard input, less a last line break')
    .option('--max-tokens <count>', 'tokens to generate, at most', wholeNumber('--max-tokens', 1), defaults.maxTokens)
    .option(
      '--temperature <number>',
      'divides the logits; 0 takes the likeliest token',
      decimalNumber('--temperature', 0, 100),
      defaults.temperature,
    )
    .option('--top-k <count>', 'only so many of the likeliest tokens; 0 for all', wholeNumber('--top-k', 0), defaults.topK)
    .option('--top-p <share>', 'only the likeliest tokens that reach this share', decimalNumber('--top-p', 0, 1), defaults.topP)
    .option('--min-p <share>', 'only tokens at least this share as likely as the likeliest', decimalNumber('--min-p', 0, 1), defaults.minP)
    .option('--stop <text>', 'end before this text; may be given several times', (text: string, before: string[]) => [...before, text], [
      ...defaults.stop,
    ])
    .addOption(
      new Option('--speculate [count]', 'tokens that the multi-token module drafts in each step; the text is as likely as without')
        .argParser(wholeNumber('--speculate', 0))
        .preset('1')
        .default(defaults.speculate),
    )
  commonFlags(stageFlag(command), 'seed', 'threads', 'json', 'quiet').action(run)
}

async function run(folder: string, flags: Flags): Promise<void> {
  const output = createOutput(flags)
  const { maxTokens, temperature, topK, topP, minP, stop, speculate, seed = defaults.seed } = flags
  const options = checkGenerationOptions({ maxTokens, temperature, topK, topP, minP, stop, seed, speculate })
  const prompt = flags.prompt ?? (await readPrompt())
  const machine = await startMachine(flags, output)
  try {
    const { kernels } = machine
    const { model, tokenizer } = loadModelFolder(machine, folder, { withGradients: false, ...(flags.stage && { stage: flags.stage }) })
    if (!tokenizer) throw usageError(folder, 'a model with tokenizer.json', 'one without', 'Put the tokenizer of this model there.')
    const engine = new Engine(model, tokenizer)
    const encoded = tokenizer.encode(prompt)
    // Documents follow each other behind an end of text: with nothing to go on with, a new one begins.
    const promptIds = encoded.length > 0 ? encoded : [tokenizer.eosId]
    const ids: number[] = []
    let text = ''
    const sequence = new Sequence(model, Math.min(model.config.maxLength, promptIds.length + options.maxTokens))
    const pieces = generate(engine, promptIds, options, sequence)
    let next = pieces.next()
    for (; !next.done; next = pieces.next()) {
      ids.push(next.value.id)
      text += next.value.text
      output.stream(next.value.text)
    }
    const summary = next.value
    const speed = speedOf(summary)
    const plainTokensPerSecond = summary.draftedTokens > 0 ? speedWithoutDrafts(engine, [...promptIds, ...ids], options, sequence) : null
    output.result(
      { prompt, text, ids, ...summary, ...speed, plainTokensPerSecond, threads: machine.threads, kernels: kernels.dialect, options },
      () => '',
    )
    output.note(describe(summary, speed, plainTokensPerSecond))
    noteFineTuned(folder, flags, output)
  } finally {
    machine.close()
  }
}

async function readPrompt(): Promise<string> {
  const text = await readStandardInput('Give --prompt, for example --prompt "Once upon a time".')
  return text.replace(/\r?\n$/, '')
}

interface Speed {
  readonly prefillTokensPerSecond: number
  /** Null when the first token was the last: it comes from the prompt's own pass. */
  readonly decodeTokensPerSecond: number | null
}

function speedOf({ promptTokens, prefillSeconds, decodedTokens, decodeSeconds }: GenerationSummary): Speed {
  return {
    prefillTokensPerSecond: promptTokens / prefillSeconds,
    decodeTokensPerSecond: decodedTokens > 0 ? decodedTokens / decodeSeconds : null,
  }
}

/** Tokens behind the text that tell how fast decoding is without drafts: some milliseconds, at the same length of the cache. */
const plainTokens = 12

/** Decoding speed without drafts, measured where the text ended; null where the context has no room. */
function speedWithoutDrafts(engine: Engine, ids: readonly number[], options: GenerationOptions, sequence: Sequence): number | null {
  if (ids.length + plainTokens > engine.model.config.maxLength) return null
  const pieces = generate(engine, ids, { ...options, stop: [], speculate: 0, maxTokens: plainTokens }, sequence)
  let next = pieces.next()
  while (!next.done) next = pieces.next()
  return speedOf(next.value).decodeTokensPerSecond
}

const endings = {
  stop: 'a stop string came',
  eos: 'the text ended',
  length: 'as many tokens as asked for',
  context: 'the context is full',
} as const

function describe(summary: GenerationSummary, { prefillTokensPerSecond, decodeTokensPerSecond }: Speed, plain: number | null): string {
  const { finishReason, promptTokens, tokens, cacheBytes, cacheBytesPerToken, steps, draftedTokens, acceptedTokens } = summary
  const decoded = decodeTokensPerSecond === null ? '' : `, then ${decodeTokensPerSecond.toFixed(0)} tokens/s`
  return [
    `${tokens} tokens after ${promptTokens} of prompt: ${endings[finishReason]}`,
    `prompt ${prefillTokensPerSecond.toFixed(0)} tokens/s${decoded}`,
    ...(draftedTokens > 0
      ? [`${acceptedTokens} of ${draftedTokens} drafts kept, ${(1 + acceptedTokens / steps).toFixed(2)} tokens a step`]
      : []),
    ...(plain !== null && decodeTokensPerSecond !== null ? [comparison(decodeTokensPerSecond / plain)] : []),
    `cache ${formatBytes(cacheBytes)}, ${formatBytes(cacheBytesPerToken)} a token`,
  ].join('; ')
}

const comparison = (ratio: number) =>
  ratio < 0.95
    ? `about ${ratio.toFixed(1)} times as fast as without drafts: leave --speculate away`
    : `about ${ratio.toFixed(1)} times as fast as without drafts`
