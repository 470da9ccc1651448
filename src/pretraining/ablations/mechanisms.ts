/**
 * Ablations of mechanisms: each takes one part of the architecture away, or puts its usual alternative in its place.
 *
 * What a control is must be said exactly. Full heads, for one, are not another code path: a latent as wide as the residual
 * stream constrains nothing, because keys and values of all heads are then any linear map of the row (up to the norm on the
 * latent); what such attention would keep of a token, keys and values of every head, is counted instead of the latent.
 * A wide latent also moves faster under AdamW, which has nothing to do with the bottleneck: after 60,000 tokens full heads
 * were 0.22 nats above the latent arm as they are, and 0.01 with an attention that begins at half the size. So it does.
 */
import { countParameters, type ModelConfig } from '../../architecture/index.ts'
import type { Recipe } from '../recipe.ts'
import { type Ablation, type Arm, withModel, withTraining } from './ablation.ts'

/** The base as it is. */
const asIs = (name: string, says: string): Arm => ({ name, says, change: (base) => base })

const mtp: Ablation = {
  name: 'mtp',
  claims: ['foundations.denser-supervision', 'pretraining.ablations'],
  question: 'Does predicting one token further help the main prediction, at equal tokens?',
  metrics: ['loss'],
  plan: () => ({
    arms: [
      { name: 'mtp', says: 'one MTP module', change: withModel(({ mtpDepth }) => ({ mtpDepth: Math.max(1, mtpDepth) })) },
      { name: 'no-mtp', says: 'no MTP module', change: withModel(() => ({ mtpDepth: 0 })) },
    ],
    comparisons: [{ variant: 'mtp', control: 'no-mtp' }],
  }),
}

/** Strength of DeepSeek-V2's loss over experts, for arms that have nothing but a loss. */
const lossOnlyWeight = 3e-3

const balancing = (biasSpeed: number | null, balanceWeight: number, balanceOver?: 'batch') =>
  withTraining(({ schedule }) => ({
    schedule: biasSpeed === null ? schedule : { ...schedule, biasSpeed },
    balanceWeight,
    ...(balanceOver && { balanceOver }),
  }))

const balance: Ablation = {
  name: 'balance',
  claims: ['architecture.balance-in-design', 'pretraining.ablations'],
  question: 'What does balancing by a selection bias cost and give, beside a loss for balance and beside nothing?',
  metrics: ['loss', 'overload'],
  plan: () => ({
    arms: [
      { name: 'bias', says: 'selection bias alone, no loss', change: balancing(null, 0) },
      { name: 'sequence-loss', says: `sequence-wise loss of weight ${lossOnlyWeight} alone`, change: balancing(0, lossOnlyWeight) },
      { name: 'batch-loss', says: `batch-wise loss of weight ${lossOnlyWeight} alone`, change: balancing(0, lossOnlyWeight, 'batch') },
      { name: 'none', says: 'no balancing', change: balancing(0, 0) },
    ],
    comparisons: [
      { variant: 'bias', control: 'sequence-loss' },
      { variant: 'bias', control: 'batch-loss' },
      { variant: 'bias', control: 'none' },
    ],
  }),
}

/** Keys and values of every head in every layer, and the shared rope key: what attention without a latent keeps. */
const fullHeadElements = ({ headCount, nopeWidth, valueWidth, ropeWidth, layerCount }: ModelConfig) =>
  (headCount * (nopeWidth + valueWidth) + ropeWidth) * layerCount

/** The narrowest latent that constrains nothing. */
const unconstrainedRank = ({ width, headCount, nopeWidth, valueWidth }: ModelConfig) =>
  Math.min(width, headCount * (nopeWidth + valueWidth))

/** How much smaller attention begins when its latent is wider: keys and values then begin at one size. */
export const startForRank = (own: number, wider: number): number => Math.sqrt(own / wider)

/** A model whose FFNs are all narrowed in one proportion, as near as it comes to a number of activated weights. */
function withActivated(model: ModelConfig, activated: number): ModelConfig {
  const scaled = (width: number, share: number) => Math.max(1, Math.round(width * share))
  const candidates = Array.from({ length: 64 }, (_, index): ModelConfig => {
    const share = (index + 1) / 64
    return { ...model, denseFfnWidth: scaled(model.denseFfnWidth, share), expertFfnWidth: scaled(model.expertFfnWidth, share) }
  })
  const error = (config: ModelConfig) => Math.abs(countParameters(config).activated - activated)
  return candidates.reduce((best, config) => (error(config) < error(best) ? config : best))
}

const latentCache: Ablation = {
  name: 'latent-cache',
  claims: ['architecture.latent-cache', 'pretraining.ablations'],
  question: 'What does the narrow latent cost, beside heads whose keys and values nothing constrains?',
  metrics: ['loss'],
  plan: () => ({
    arms: [
      asIs('latent', 'keys and values from a narrow latent, which is all that is cached'),
      {
        name: 'full-heads',
        says: 'the same heads from a latent as wide as the residual stream, so without a bottleneck and with more weights, in an attention that begins smaller; all keys and values cached',
        change: withModel((model) => ({ keyValueRank: unconstrainedRank(model) })),
        attentionStart: (model) => startForRank(model.keyValueRank, unconstrainedRank(model)),
        cacheElementsPerToken: fullHeadElements,
      },
      {
        name: 'full-heads-equal-work',
        says: 'full heads, with narrower FFNs so that a token activates as many weights as in the latent arm',
        change: (base) => {
          const wide = { ...base.model, keyValueRank: unconstrainedRank(base.model) }
          return { ...base, model: withActivated(wide, countParameters(base.model).activated) }
        },
        attentionStart: (model) => startForRank(model.keyValueRank, unconstrainedRank(model)),
        cacheElementsPerToken: fullHeadElements,
      },
    ],
    comparisons: [
      { variant: 'latent', control: 'full-heads' },
      { variant: 'latent', control: 'full-heads-equal-work' },
    ],
  }),
}

const groupLimit: Ablation = {
  name: 'group-limit',
  claims: ['architecture.constrained-routing', 'sequence.routing-to-traffic', 'pretraining.ablations'],
  question: 'What does it cost in loss to let a token visit few groups of experts?',
  metrics: ['loss', 'overload'],
  plan: ({ model: { groupCount, expertCount, activeExpertCount } }) => {
    const least = Math.max(1, Math.ceil((activeExpertCount * groupCount) / expertCount))
    const counts = [...new Set([least, Math.max(least, groupCount / 2)])].filter((count) => count < groupCount)
    const arm = (activeGroupCount: number): Arm => ({
      name: activeGroupCount === groupCount ? 'all-groups' : `groups-${activeGroupCount}`,
      says: `at most ${activeGroupCount} of ${groupCount} groups a token`,
      change: withModel(() => ({ activeGroupCount })),
    })
    return {
      arms: [...counts, groupCount].map(arm),
      comparisons: counts.map((count) => ({ variant: `groups-${count}`, control: 'all-groups' })),
    }
  },
}

/** The dense model that activates as many weights: every layer's FFN dense, all of one width. */
function denseTwin(model: ModelConfig): ModelConfig {
  const { activated } = countParameters(model)
  const dense = (denseFfnWidth: number): ModelConfig => ({ ...model, denseLayerCount: model.layerCount, denseFfnWidth })
  const slope = countParameters(dense(2)).activated - countParameters(dense(1)).activated
  return dense(Math.max(1, Math.round((activated - countParameters(dense(1)).activated) / slope) + 1))
}

const withoutMtp = (base: Recipe): Recipe => ({ ...base, model: { ...base.model, mtpDepth: 0 } })

const dense: Ablation = {
  name: 'dense',
  claims: ['architecture.constrained-routing', 'pretraining.ablations'],
  question: 'Do sparse experts pay off, beside a dense model of equal work for a token?',
  metrics: ['loss'],
  plan: () => ({
    arms: [
      { name: 'experts', says: 'sparse experts; no MTP module, which would have experts in both arms', change: withoutMtp },
      {
        name: 'dense',
        says: 'dense layers that activate as many weights; no MTP module',
        change: (base) => ({ ...withoutMtp(base), model: denseTwin(withoutMtp(base).model) }),
      },
    ],
    comparisons: [{ variant: 'experts', control: 'dense' }],
  }),
}

/** In the order in which the report meets them. */
export const mechanismAblations: readonly Ablation[] = [mtp, balance, latentCache, groupLimit, dense]
