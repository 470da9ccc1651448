/** The same devices in other nodes: traffic of this run's router by shape, and the published run planned on other clusters. */
import { clusterShapes, type ClusterShape, publishedPlans } from '../findings/cluster-shapes.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { digits, percent, times } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

/** How much longer the worst shape's layer and the published step must take for the shape to matter. */
const leastDifference = 0.1

/** Seconds of the published step. */
export const publishedStepSeconds = 19.926

/** Shapes of this run's experts on devices; none without routing decisions. */
export function shapesOf(run: RunFacts): readonly ClusterShape[] {
  const event = run.lastOf('inference/routing', ({ isAsTrained }) => isAsTrained)
  return event && event.visits.length > 0 ? clusterShapes(event, run.document.recipe.model) : []
}

export const clusterShape: Claim = {
  id: 'infrastructure.cluster-shape',
  statement: claimStatements['infrastructure.cluster-shape'],
  mechanism: 'src/infrastructure/plan/traffic.ts',
  needs: needs('inference/routing'),
  command: 'strata run nano',
  rule: `It holds where, at equal devices and rates, the worst way to put this run’s experts into two nodes or more makes a token’s traffic at least ${100 * leastDifference} % longer than the best one, and the planned step of DeepSeek-V3 does so on nodes of four.`,
  judge(run) {
    const shapes = shapesOf(run).filter(({ nodeCount }) => nodeCount > 1)
    if (shapes.length < 2) return notTested('Without routing decisions there is no traffic to lay over a cluster.')
    const ordered = shapes.toSorted((a, b) => a.seconds - b.seconds)
    const [best, worst] = [ordered[0], ordered.at(-1)!]
    const { asBuilt, smallNodes } = publishedPlans()
    const shapeText = ({ nodeCount, devicesPerNode }: ClusterShape) => `${nodeCount} × ${devicesPerNode}`
    const sentence = `With an expert of each layer on each of ${run.document.recipe.model.expertCount} devices, a token’s traffic takes ${times(worst.seconds / best.seconds)} as long on ${shapeText(worst)} (nodes × devices) as on ${shapeText(best)}. The planner puts the published step at ${digits(asBuilt.step.seconds)} s (published: ${digits(publishedStepSeconds)} s, ${percent(Math.abs(asBuilt.step.seconds / publishedStepSeconds - 1))} apart) and at ${digits(smallNodes.step.seconds)} s on nodes of four.`
    const isFelt =
      worst.seconds >= (1 + leastDifference) * best.seconds && smallNodes.step.seconds >= (1 + leastDifference) * asBuilt.step.seconds
    return isFelt ? held(sentence) : didNotHold(sentence)
  },
}
