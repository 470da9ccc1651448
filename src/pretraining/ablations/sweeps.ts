/**
 * Sweeps: one setting moved away from the recipe's own in steps, each point compared with the recipe. They show where the
 * basin is and where it breaks; a point whose training breaks is a result.
 *
 * Claims: sequence.inference-to-architecture, pretraining.tolerance, pretraining.mixture.
 */
import type { Recipe } from '../recipe.ts'
import { type Ablation, type Arm, withModel, withTraining } from './ablation.ts'
import { startForRank } from './mechanisms.ts'

const control = 'recipe'

interface Sweep extends Omit<Ablation, 'metrics' | 'plan'> {
  readonly metrics?: Ablation['metrics']
  /** What the recipe has, and the points beside it. */
  readonly points: (base: Recipe) => { readonly says: string; readonly points: readonly Arm[] }
}

const sweep = ({ metrics = ['loss'], points, ...rest }: Sweep): Ablation => ({
  ...rest,
  metrics,
  plan: (base) => {
    const { says, points: found } = points(base)
    const own: Arm = { name: control, says, change: (recipe) => recipe }
    return { arms: [own, ...found], comparisons: found.map(({ name }) => ({ variant: name, control })) }
  },
})

/** "x0.25", "x4". */
const times = (factor: number) => `x${factor}`

/** A whole number times each factor, in whole multiples of `of`, without the number itself. */
function scaledCounts(value: number, factors: readonly number[], of = 1): number[] {
  const scaled = factors.map((factor) => Math.max(of, of * Math.round((value * factor) / of)))
  return [...new Set(scaled)].filter((count) => count !== value)
}

/** More than these no recipe may have. */
const highestRate = 1
const highestStd = 10

const factorsUpTo = (value: number, factors: readonly number[], highest: number) => factors.filter((factor) => value * factor <= highest)

const latentRank = sweep({
  name: 'latent-rank',
  claims: ['sequence.inference-to-architecture', 'architecture.latent-cache'],
  question: 'What does each number in the cache buy in loss?',
  points: ({ model: { keyValueRank } }) => ({
    says: `a latent of ${keyValueRank}`,
    points: scaledCounts(keyValueRank, [1 / 4, 1 / 2, 2, 4]).map((rank) => ({
      name: `rank-${rank}`,
      says: `a latent of ${rank}, in an attention that begins at ${startForRank(keyValueRank, rank).toPrecision(2)} of the size`,
      change: withModel(() => ({ keyValueRank: rank })),
      attentionStart: () => startForRank(keyValueRank, rank),
    })),
  }),
})

const headCounts = sweep({
  name: 'head-count',
  claims: ['sequence.inference-to-architecture'],
  question: 'What do more heads of the same width buy in loss, for the work that they cost in decoding?',
  points: ({ model: { headCount } }) => ({
    says: `${headCount} heads`,
    points: scaledCounts(headCount, [1 / 4, 1 / 2, 2]).map((count) => ({
      name: `heads-${count}`,
      says: `${count} heads`,
      change: withModel(() => ({ headCount: count })),
    })),
  }),
})

const activeExperts = sweep({
  name: 'active-experts',
  claims: ['sequence.inference-to-architecture'],
  question: 'What do more experts a token buy in loss, for the weights that decoding must read?',
  metrics: ['loss', 'overload'],
  points: ({ model: { activeExpertCount, expertCount, groupCount, activeGroupCount } }) => ({
    says: `${activeExpertCount} of ${expertCount} experts`,
    points: scaledCounts(activeExpertCount, [1 / 4, 1 / 2, 2])
      .filter((count) => count <= (expertCount / groupCount) * activeGroupCount)
      .map((count) => ({
        name: `experts-${count}`,
        says: `${count} of ${expertCount} experts`,
        change: withModel(() => ({ activeExpertCount: count })),
      })),
  }),
})

const learningRate = sweep({
  name: 'learning-rate',
  claims: ['pretraining.tolerance'],
  question: 'How far may the learning rate be from the recipe’s before it costs loss, and where does training break?',
  points: ({ training: { schedule } }) => ({
    says: `a highest rate of ${schedule.learningRate}`,
    points: factorsUpTo(schedule.learningRate, [1 / 8, 1 / 2, 2, 8, 64], highestRate).map((factor) => ({
      name: times(factor),
      says: `${factor} times the learning rate`,
      change: withTraining(() => ({ schedule: { ...schedule, learningRate: schedule.learningRate * factor } })),
    })),
  }),
})

const batch = sweep({
  name: 'batch',
  claims: ['pretraining.tolerance'],
  question: 'How far may the batch be from the recipe’s at equal tokens?',
  points: ({ training: { rows, rowLength } }) => ({
    says: `${rows} rows of ${rowLength} tokens a step`,
    points: scaledCounts(rows, [1 / 2, 2, 4, 8]).map((count) => ({
      name: `rows-${count}`,
      says: `${count} rows a step, and fewer steps or more`,
      change: withTraining(() => ({ rows: count, microRows: Math.min(count, 8) })),
    })),
  }),
})

const init = sweep({
  name: 'init',
  claims: ['pretraining.tolerance'],
  question: 'How far may the initial weights be from the recipe’s size?',
  points: ({ model: { initStd } }) => ({
    says: `a standard deviation of ${initStd.toPrecision(3)}`,
    points: factorsUpTo(initStd, [1 / 8, 1 / 2, 2, 8], highestStd).map((factor) => ({
      name: times(factor),
      says: `${factor} times the initial standard deviation`,
      change: withModel(() => ({ initStd: initStd * factor })),
    })),
  }),
})

/** The weight of one domain times a factor; the others keep theirs, so their shares move the other way. */
const withWeight =
  (domain: string, factor: number) =>
  (base: Recipe): Recipe => ({
    ...base,
    data: { ...base.data, weights: { ...base.data.weights, [domain]: base.data.weights[domain] * factor } },
  })

const mixture: Ablation = {
  name: 'mixture',
  claims: ['pretraining.mixture'],
  question: 'What happens to each domain when one is left out or doubled, at equal tokens?',
  metrics: ['loss'],
  plan: ({ data: { weights } }) => {
    const domains = Object.keys(weights)
    const changed = domains.length < 2 ? [] : domains
    const arms = changed.flatMap((domain): Arm[] => [
      { name: `without-${domain}`, says: `no ${domain}`, change: withWeight(domain, 0) },
      { name: `double-${domain}`, says: `${domain} at twice its weight`, change: withWeight(domain, 2) },
    ])
    return {
      arms: [{ name: control, says: 'the recipe’s mixture', change: (base) => base }, ...arms],
      comparisons: changed.flatMap((domain) => [
        { variant: `without-${domain}`, control, domain },
        { variant: `double-${domain}`, control, domain },
      ]),
    }
  },
}

/** In the order in which the report meets them. */
export const sweepAblations: readonly Ablation[] = [latentRank, headCounts, activeExperts, mixture, learningRate, batch, init]
