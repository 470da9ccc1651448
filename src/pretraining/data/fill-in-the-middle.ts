/**
 * Fill-in-the-middle, in the order prefix, suffix, middle:
 *
 *   begin  prefix  hole  suffix  end  middle  end-of-text
 *
 * Source: DeepSeek-V3 report, 4.1 (rate 0.1 of the documents, applied before packing); where to cut is not published and
 * is uniform over the tokens here.
 */
import { usageError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'

/** The rate of the published run, 0..1. */
export const publishedFimRate = 0.1

export interface FimOptions {
  /** Share of the documents that are rearranged, 0..1. */
  readonly rate: number
  readonly beginId: number
  readonly holeId: number
  readonly endId: number
}

/** Ids that fill-in-the-middle adds to a text. */
export const fimSentinels = 3

/**
 * The settings for a tokenizer that has V3's three tokens.
 *
 * @throws UsageError when it lacks one
 */
export function fimOptions(tokenizer: { idOf(token: string): number | undefined }, rate: number = publishedFimRate): FimOptions {
  const idOf = (name: string) => {
    const token = `<｜fim▁${name}｜>`
    const id = tokenizer.idOf(token)
    if (id === undefined)
      throw usageError(
        'fill-in-the-middle',
        `a tokenizer with ${token}`,
        'one without',
        'Turn it off, or train a tokenizer with special tokens.',
      )
    return id
  }
  return { rate, beginId: idOf('begin'), holeId: idOf('hole'), endId: idOf('end') }
}

/**
 * Rearranges one text; exactly two draws.
 *
 * @param ids of the text, without end-of-text token
 * @param out receives ids.length + 3 ids, or more room
 */
export function rearrange(ids: ArrayLike<number>, options: FimOptions, rng: Random, out: Uint32Array): void {
  const cuts = [Math.floor(rng.uniform() * (ids.length + 1)), Math.floor(rng.uniform() * (ids.length + 1))]
  const start = Math.min(...cuts)
  const end = Math.max(...cuts)
  let length = 0
  const copy = (from: number, to: number) => {
    for (let i = from; i < to; i++) out[length++] = ids[i]!
  }
  out[length++] = options.beginId
  copy(0, start)
  out[length++] = options.holeId
  copy(end, ids.length)
  out[length++] = options.endId
  copy(start, end)
}
