/** Latents in the place of keys and values: what the cache saves, and what the loss says of it. */
import { barChart } from '../figures/index.ts'
import { html } from '../html.ts'
import { cacheEquivalents, latentCacheBytesPerToken } from '../../architecture/index.ts'
import { formatBytes } from '../../base/format.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { listed, percent } from '../wording.ts'
import { ablationsOf, differenceText } from './ablation-facts.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

/** Share of the full heads' cache that the latent one may have at most. */
const mostOfFullCache = 0.5

/**
 * Bytes of one token in the cache of this run's model, and of the same heads with their keys and values kept: in BF16, in which
 * published figures are given, and in f32, which this run computes in. Wherever one stands, so does the other.
 */
export function cacheOf({ document }: RunFacts) {
  const { model } = document.recipe
  const { mla, mha } = cacheEquivalents(model)
  const both = (bf16: number, f32: number) => `${formatBytes(bf16)} in BF16 (${formatBytes(f32)} in f32, as it is kept here)`
  return {
    latentText: both(latentCacheBytesPerToken(model), latentCacheBytesPerToken(model, 'f32')),
    fullText: `${formatBytes(2 * mha)} (${formatBytes(4 * mha)})`,
    share: mla / mha,
  }
}

export const latentCache: Claim = {
  id: 'architecture.latent-cache',
  statement: claimStatements['architecture.latent-cache'],
  mechanism: 'src/architecture/mla.ts',
  needs: needs('ablation/result'),
  command: 'strata ablate latent-cache --seeds 3 --run runs/first',
  rule: `It holds where the latent cache has at most ${100 * mostOfFullCache} % of the bytes of full keys and values and the loss with latents is not established to be higher.`,
  judge(run) {
    const [result] = ablationsOf(run, 'latent-cache')
    if (!result) return notTested('No pair of models with and without latents was trained beside this run.')
    const { share } = cacheOf(run)
    const sentence = `The latent cache has ${percent(share)} of the bytes that full keys and values of the same heads would have, in any format; the loss of “${result.variant}” less that of “${result.control}” is ${differenceText(result, true)}.`
    const isLatentVariant = result.details.variant.cacheBytesPerToken < result.details.control.cacheBytesPerToken
    const isHigher = isLatentVariant ? result.low > 0 : result.high < 0
    return share <= mostOfFullCache && !isHigher ? held(sentence) : didNotHold(sentence)
  },
  figure(run) {
    const { model } = run.document.recipe
    const { mla, mha, gqa, mqa } = cacheEquivalents(model)
    const rows = [
      { name: 'all heads (MHA)', value: 2 * mha, tone: 'soft' as const },
      ...(gqa < mha ? [{ name: 'eight heads (GQA)', value: 2 * gqa, tone: 'soft' as const }] : []),
      { name: 'one head (MQA)', value: 2 * mqa, tone: 'soft' as const },
      { name: 'latent (MLA)', value: 2 * mla, tone: 'one' as const },
    ]
    return {
      id: 'cache-by-attention',
      drawing: barChart({
        title: 'Bytes of cache for one token, by kind of attention',
        description: `${listed(rows.map(({ name, value }) => `${name} ${formatBytes(value)}`))}.`,
        x: { label: 'bytes a token, all layers, BF16', from: 0 },
        rows: rows.map(({ name, value, tone }) => ({ name, value, tone, text: formatBytes(value) })),
      }),
      caption: html`The latent and its rotated key take ${percent(mla / mha)} of the bytes of keys and values of all ${model.headCount}
      heads, and ${percent(mla / mqa)} of those of a single head. Counted from the sizes of this run’s model, in BF16; in f32, as this run
      keeps them, each takes twice as many.`,
    }
  },
}
