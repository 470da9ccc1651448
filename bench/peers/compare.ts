/**
 * Two benchmark documents side by side: reads what `strata bench … --json` and the peers print, pairs equal work, takes ratios.
 *
 * Pure functions of text; `run.mjs` runs the programs and prints. What was not measured on both sides is listed, never guessed.
 */
import { z } from 'zod'
import { rejectViolations, usageError } from '../../src/base/errors.ts'

const positive = z.number().positive()

/** One measurement; fields beyond these are left alone. */
const resultSchema = z.object({
  name: z.string(),
  shape: z.record(z.string(), z.unknown()).default({}),
  layout: z.string().optional(),
  threads: z.number().int().positive(),
  gflops: positive.optional(),
  tokensPerSecond: positive.optional(),
})

const probeSchema = z.object({ gflopsOneThread: positive, gflopsAllThreads: positive, streamGBs: positive })

/** `strata bench … --json`, and `gemm.mjs`, which has no probe. */
const benchSchema = z.object({ probe: probeSchema.optional(), results: z.array(resultSchema) })

/** `torch_step.py`. */
const torchSchema = z.object({
  tokensPerSecond: positive,
  secondsPerStep: z.array(positive).min(1),
  loss: z.number(),
  parameters: z.number().int(),
  torchVersion: z.string(),
  threads: z.number().int().positive(),
})

type BenchDocument = z.infer<typeof benchSchema>
type BenchResult = BenchDocument['results'][number]
type TorchDocument = z.infer<typeof torchSchema>

function parse<T>(schema: z.ZodType<T>, text: string, subject: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const got = text.trim() === '' ? 'nothing' : `"${text.trim().slice(0, 60)}"`
    throw usageError(subject, 'one JSON document on standard output', got, 'Run the command by itself to see what it prints.', cause)
  }
  const checked = schema.safeParse(value)
  if (!checked.success) {
    rejectViolations(
      subject,
      checked.error.issues.map(({ path, message }) => `${path.join('.') || 'document'}: ${message}`),
    )
  }
  return checked.data as T
}

/**
 * A document in the form of `strata bench … --json`.
 *
 * @param text    what the program printed
 * @param subject the command, for the message
 * @throws UsageError naming everything that is missing or of another kind
 */
export const parseBench = (text: string, subject: string): BenchDocument => parse(benchSchema, text, subject)

/**
 * What `torch_step.py` prints.
 *
 * @throws UsageError naming everything that is missing or of another kind
 */
export const parseTorch = (text: string, subject: string): TorchDocument => parse(torchSchema, text, subject)

/**
 * What a multiplication is, written so that equal work has equal keys: "NN 2048x512x256 on 1".
 *
 * @returns null for a result that is not an f32 multiplication with sizes and a layout
 */
export function gemmKey(result: BenchResult): string | null {
  const sizes = new Map(Object.entries(result.shape).map(([letter, size]) => [letter.toUpperCase(), size]))
  const [m, n, k] = ['M', 'N', 'K'].map((letter) => sizes.get(letter))
  const said = [result.layout, sizes.get('LAYOUT'), result.name].find((text) => typeof text === 'string' && /\b(NN|NT|TN)\b/.test(text))
  const layout = /\b(NN|NT|TN)\b/.exec(String(said))?.[1]
  const isWhole = [m, n, k].every((size) => Number.isInteger(size))
  return layout && isWhole && result.gflops !== undefined ? `${layout} ${m}x${n}x${k} on ${result.threads}` : null
}

/** One kind of work, measured on both sides in every round; rates in the unit of the table. */
interface Comparison {
  readonly work: string
  readonly ours: number
  readonly theirs: number
  /** ours / theirs: above 1, ours is faster. */
  readonly ratio: number
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function ratesByKey(documents: readonly BenchDocument[]): Map<string, number[]> {
  const rates = new Map<string, number[]>()
  for (const result of documents.flatMap((document) => document.results)) {
    const key = gemmKey(result)
    if (key !== null) rates.set(key, [...(rates.get(key) ?? []), result.gflops!])
  }
  return rates
}

/**
 * Multiplications in GFLOP/s, medians over the rounds.
 *
 * @returns the pairs in the order of ours, and what only one side measured
 */
export function compareGemm(
  ours: readonly BenchDocument[],
  theirs: readonly BenchDocument[],
): { readonly pairs: readonly Comparison[]; readonly unpaired: readonly string[] } {
  const ourRates = ratesByKey(ours)
  const theirRates = ratesByKey(theirs)
  const pairs: Comparison[] = []
  for (const [work, rates] of ourRates) {
    const others = theirRates.get(work)
    if (others) pairs.push(compare(work, rates, others))
  }
  const paired = new Set(pairs.map(({ work }) => work))
  const unpaired = [...new Set([...ourRates.keys(), ...theirRates.keys()])].filter((work) => !paired.has(work))
  return { pairs, unpaired }
}

/**
 * The training step in tokens/s, medians over the rounds.
 *
 * @throws UsageError when ours holds no step with a tokensPerSecond on the same number of threads
 */
export function compareStep(ours: readonly BenchDocument[], theirs: readonly TorchDocument[]): Comparison {
  const threads = theirs[0].threads
  const steps = ours.flatMap(({ results }) => results).filter((result) => /\bstep\b/.test(result.name) && result.threads === threads)
  const rates = steps.flatMap(({ tokensPerSecond }) => tokensPerSecond ?? [])
  if (rates.length === 0) {
    const got = ours.flatMap(({ results }) => results.map((result) => `${result.name} on ${result.threads}`)).join(', ') || 'no results'
    throw usageError('strata bench step', `a result named "step" on ${threads} threads with tokensPerSecond`, got)
  }
  return compare(
    `training step on ${threads}`,
    rates,
    theirs.map(({ tokensPerSecond }) => tokensPerSecond),
  )
}

function compare(work: string, ourRates: readonly number[], theirRates: readonly number[]): Comparison {
  const [ours, theirs] = [median(ourRates), median(theirRates)]
  return { work, ours, theirs, ratio: ours / theirs }
}

/** Geometric mean, the fair mean of ratios. @param ratios at least one, all positive */
export const geometricMean = (ratios: readonly number[]): number =>
  Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)

/** The rows as aligned text, one line a comparison. @param unit of both rates */
export function formatTable(title: string, unit: string, pairs: readonly Comparison[], names: readonly [string, string]): string {
  const width = Math.max(title.length, ...pairs.map(({ work }) => work.length))
  const columns = [...names.map((name) => `${name} ${unit}`), 'ratio']
  const row = (cells: readonly string[]) => cells.map((cell, i) => cell.padStart(Math.max(8, columns[i].length))).join('  ')
  const number = (rate: number) => rate.toLocaleString('en-US', { maximumFractionDigits: rate < 1000 ? 1 : 0 })
  const lines = pairs.map(
    ({ work, ours, theirs, ratio }) => `${work.padEnd(width)}  ${row([number(ours), number(theirs), `${ratio.toFixed(2)}x`])}`,
  )
  return [`${title.padEnd(width)}  ${row(columns)}`, ...lines].join('\n')
}
