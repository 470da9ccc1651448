/**
 * The idle end of balance, which MaxVio does not look at: the expert of each router that gets the least.
 *
 * Loads are over an even share, 1 being the mean over experts. On held-out text they are the finished model's, and all domains
 * weigh the same; in training they are those of the batches whose loads were recorded, one in a few dozen.
 */
import { mean } from '../../base/statistics.ts'
import type { Stage } from '../../pretraining/index.ts'
import type { RunFacts } from '../run-facts.ts'
import { expertLoads } from './specialisation.ts'
import { endCount } from './trace-ends.ts'

/** Below this share of the mean load an expert is called nearly idle. */
export const idleShare = 0.2

/** An expert and its load over the even share. Both indices from 0. */
interface ExpertShare {
  readonly router: number
  readonly expert: number
  readonly share: number
}

export interface IdleExperts {
  /** The least of each router, in their order. */
  readonly least: readonly ExpertShare[]
  /** All below `idleShare`, the idlest first. */
  readonly idle: readonly ExpertShare[]
  /** Experts of all routers. */
  readonly count: number
}

/** Of the finished model on held-out text; null where loads were not counted. */
export function idleExperts(run: RunFacts): IdleExperts | null {
  const events = expertLoads(run).filter(({ loadByRouter }) => loadByRouter.every((loads) => sum(loads) > 0))
  if (events.length === 0 || events[0].loadByRouter.length === 0) return null
  const routers = events[0].loadByRouter.map((loads, router) =>
    loads.map((_, expert): ExpertShare => {
      const shares = events.map(({ loadByRouter }) => shareOf(loadByRouter[router], expert))
      return { router, expert, share: mean(shares) }
    }),
  )
  const experts = routers.flat()
  return {
    least: routers.map(leastOf),
    idle: experts.filter(({ share }) => share < idleShare).toSorted((a, b) => a.share - b.share),
    count: experts.length,
  }
}

/** The least load of any expert in the recorded batches of a stage's last tenth, those taken together; null without any. */
export function leastInTraining(run: RunFacts, stage: Stage): number | null {
  const steps = run.steps(stage)
  const from = steps.at(-endCount(steps.length))?.step ?? Number.POSITIVE_INFINITY
  const recorded = run.latestOf('training/load', (event) => `${event.stage} ${event.step}`)
  const batches = recorded.filter((event) => event.stage === stage && event.step >= from)
  const [first] = batches
  if (!first) return null
  const shares = first.loadByRouter.flatMap((loads, router) => {
    const together = loads.map((_, expert) => sum(batches.map(({ loadByRouter }) => loadByRouter[router][expert])))
    return together.map((_, expert) => shareOf(together, expert))
  })
  return Math.min(...shares)
}

/** Whether the biases rested in every stage after pre-training, of which there was at least one step. */
export function areBiasesAtRest(run: RunFacts): boolean {
  const later = run.ofType('training/step').filter(({ stage }) => stage !== 'pretrain')
  return later.length > 0 && later.every(({ biasSpeed }) => biasSpeed === 0)
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

const shareOf = (loads: readonly number[], expert: number) => (loads[expert] * loads.length) / sum(loads)

const leastOf = (experts: readonly ExpertShare[]) => experts.reduce((least, one) => (one.share < least.share ? one : least))
