/**
 * Group relative policy optimization, as arithmetic: advantages within a group of replies, the clipped ratio, the unbiased
 * estimate of the divergence, and what each token's loss weighs in the gradient.
 *
 *   J = 1/N sum_i 1/|o_i| sum_t { min(rho A_i, clip(rho, 1 - eps, 1 + eps) A_i) - beta k3 }
 *   rho = pi(t) / pi_old(t)      k3 = pi_ref/pi - ln(pi_ref/pi) - 1
 *
 * DeepSeek-V3 report, section 5.2.2, in the token form of DeepSeekMath (section 4.1): ratios and divergence are taken of each
 * token and averaged over the reply's own length. The V3 report writes ratios of whole replies; on-policy its gradient is this
 * one without the 1/|o_i|. Claim: posttraining.rule-rewards.
 */

/** How much a step may change, and what it is held to. */
export interface GrpoSettings {
  /** epsilon: how far a ratio may move before it is cut off. */
  readonly clip: number
  /** beta: weight of the divergence from the reference. */
  readonly klWeight: number
}

/** The advantages of one group. */
export interface GroupAdvantages {
  /** One for each reply; all 0 without variance. */
  readonly advantages: Float64Array
  /** Whether the rewards differ; if not, the group says nothing about what is better. */
  readonly hasVariance: boolean
}

/**
 *   A_i = (r_i - mean r) / std r
 *
 * The reports do not say which standard deviation; this is the population's (divided by G), so that the advantages of a group
 * have mean 0 and mean square 1, whatever its size.
 *
 * @param rewards of the replies to one problem
 */
export function groupAdvantages(rewards: ArrayLike<number>): GroupAdvantages {
  const count = rewards.length
  const advantages = new Float64Array(count)
  let [sum, least, most] = [0, Infinity, -Infinity]
  for (let i = 0; i < count; i++) {
    sum += rewards[i]
    least = Math.min(least, rewards[i])
    most = Math.max(most, rewards[i])
  }
  // Compared, not computed: the rounded variance of equal numbers need not be 0.
  if (!(most > least)) return { advantages, hasVariance: false }
  const mean = sum / count
  let squares = 0
  for (let i = 0; i < count; i++) squares += (rewards[i] - mean) ** 2
  const std = Math.sqrt(squares / count)
  for (let i = 0; i < count; i++) advantages[i] = (rewards[i] - mean) / std
  return { advantages, hasVariance: true }
}

/**
 * k3 of one token: e^x - 1 - x with x = ln(pi_ref / pi). Never negative; its mean under the policy is the divergence.
 *
 * @param loss    -ln p of the policy, in nats
 * @param refLoss of the reference
 */
export function tokenKl(loss: number, refLoss: number): number {
  const distance = loss - refLoss
  // expm1 keeps the digits where policy and reference nearly agree.
  return Math.expm1(distance) - distance
}

/** What one token comes to, all of it from three losses -ln p of the token that was drawn. */
export interface TokenTerm {
  /** rho. */
  readonly ratio: number
  /** Whether the ratio was cut off, so that the advantage does not pull any more. */
  readonly isClipped: boolean
  /** k3, in nats. */
  readonly kl: number
  /** min(rho A, clip(rho) A) - beta k3: the token's part of J, before it is divided. */
  readonly objective: number
  /** The derivative of -objective by the policy's loss. */
  readonly slope: number
}

/**
 * The term of one token.
 *
 *   d(-min(...)) / d loss = rho A where the ratio is not cut off, else 0      since rho = e^(oldLoss - loss)
 *   d(beta k3)   / d loss = beta (e^(loss - refLoss) - 1)                     since pi_ref / pi = e^(loss - refLoss)
 *
 * @param loss      -ln p of the policy, in nats
 * @param oldLoss   of the policy that the update began with
 * @param refLoss   of the reference
 * @param advantage A of the reply
 */
export function tokenTerm(loss: number, oldLoss: number, refLoss: number, advantage: number, settings: GrpoSettings): TokenTerm {
  const { clip, klWeight } = settings
  const ratio = Math.exp(oldLoss - loss)
  const cut = Math.min(Math.max(ratio, 1 - clip), 1 + clip)
  const isClipped = cut * advantage < ratio * advantage
  const kl = tokenKl(loss, refLoss)
  return {
    ratio,
    isClipped,
    kl,
    objective: Math.min(ratio * advantage, cut * advantage) - klWeight * kl,
    slope: (isClipped ? 0 : ratio * advantage) + klWeight * Math.expm1(loss - refLoss),
  }
}

/** Sums over the tokens of an update. */
export class TermSums {
  tokens = 0
  clipped = 0
  kl = 0
  /** Smallest and largest ratio; 1 and 1 while there is no token. */
  ratio = { min: Infinity, max: -Infinity }

  add({ ratio, isClipped, kl }: TokenTerm): void {
    this.tokens++
    if (isClipped) this.clipped++
    this.kl += kl
    this.ratio.min = Math.min(this.ratio.min, ratio)
    this.ratio.max = Math.max(this.ratio.max, ratio)
  }

  get ratioRange(): { readonly min: number; readonly max: number } {
    return this.tokens > 0 ? { ...this.ratio } : { min: 1, max: 1 }
  }
}

/**
 * The same values in another order: the control of a reinforcement, whose rewards then say nothing about the replies.
 *
 * @param rng with `below`, as `Random`
 */
export function shuffledRewards(rewards: Float64Array, rng: { readonly shuffle: <T>(items: T[]) => T[] }): Float64Array {
  return Float64Array.from(rng.shuffle(Array.from(rewards)))
}
