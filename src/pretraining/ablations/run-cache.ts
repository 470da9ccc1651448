/**
 * Runs of arms on disk, each under the hash of everything that decides it: recipe, seed, text, held-out rows, the build of
 * the kernels and the version of the code. An ablation that was run before costs nothing, and arms that two ablations share
 * are trained once.
 *
 * A file that is damaged or of another shape counts as not there.
 */
import { z } from 'zod'
import { node } from '../../base/platform.ts'
import { documentHash, type Fp8Policy } from '../../infrastructure/index.ts'
import { writeWhole } from '../data/cache.ts'
import type { Recipe } from '../recipe.ts'

/** Raised when a run of the same recipe would come out otherwise, or keeps other numbers. */
const cacheFormat = 1

/** Everything that decides what a run of an arm comes to. */
export interface RunIdentity {
  readonly recipe: Recipe
  readonly seed: number
  /** Factor on attention's initial weights. */
  readonly attentionStart: number
  /** FP8 in training and scoring; absent in f32. */
  readonly precision?: Fp8Policy
  /** Of the tokenized text. */
  readonly fingerprint: string
  /** Rows and the seed of their draw. */
  readonly heldOut: { readonly rows: number; readonly seed: number }
  readonly dialect: string
  readonly codeVersion: string
  /** What is done beside training and scoring, by name. */
  readonly beside: string
}

/** Names a run by its content. → SHA-256 in hexadecimal */
export function runHash({ recipe, ...identity }: RunIdentity): string {
  const { model, data, training } = recipe
  const { checkpointSeconds: _seconds, keptCheckpoints: _kept, ...trained } = training
  const { weights, fimRate, maskDocuments } = data
  return documentHash({ cacheFormat, ...identity, model, training: trained, data: { weights, fimRate, maskDocuments } })
}

const fileOf = (cacheFolder: string, hash: string) => node().path.join(cacheFolder, 'ablations', `${hash}.json`)

/** What was kept under a hash; null when nothing is, or it cannot be read as that. */
export function readRun<T>(cacheFolder: string, hash: string, schema: z.ZodType<T>): T | null {
  const { fs } = node()
  const file = fileOf(cacheFolder, hash)
  if (!fs.existsSync(file)) return null
  try {
    return z.object({ hash: z.literal(hash), run: schema }).parse(JSON.parse(fs.readFileSync(file, 'utf8'))).run
  } catch {
    return null
  }
}

/** Keeps a run. @throws UsageError when the folder cannot be written */
export function storeRun(cacheFolder: string, hash: string, run: unknown): void {
  writeWhole(fileOf(cacheFolder, hash), [`${JSON.stringify({ hash, run })}\n`])
}
