/** Chapter 03: machines, the traffic between them, the schedules that hide it, formats, and what need not stay in memory. */
import { formatBytes } from '../../base/format.ts'
import { heapLimitBytes } from '../../compute/index.ts'
import { catalogue } from '../../infrastructure/index.ts'
import { cite, figureReference, formula, maths, published, sidenote, table, tableReference } from '../blocks.ts'
import { publishedStepSeconds, shapesOf } from '../claims/infrastructure-cluster-shape.ts'
import { hiddenCommunication, schedulesAtTraffic } from '../claims/infrastructure-hidden-communication.ts'
import { publishedPlans } from '../findings/cluster-shapes.ts'
import { comparedSchedules, simulatedPipeline, stepOf } from '../findings/hiding-schedules.ts'
import { checkpointSizes } from '../findings/trained-state.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Chapter } from '../types.ts'
import { digits, percent } from '../wording.ts'
import { heap, memory } from './03-memory.ts'
import { formats, precisionMeasured } from './03-precision.ts'
import { evidence, missing } from './placed.ts'

export const infrastructureChapter: Chapter = {
  name: 'infrastructure',
  decides,
  inherited,
  mechanism: (run) => html`${links()}${overlap()}${formats()}${memory(run)}`,
  measured: (run) => html`${shapes(run)}${publishedRun()}${schedules(run)}${precisionMeasured(run)}${heap(run)}`,
  handsOn,
}

function decides(): Html {
  return html`<p>
      A model of 671 billion parameters is not trained on one machine, nor on ten. Infrastructure decides how it is cut up: which layers
      stand where, which experts, which copies of what, and in which order forward and backward passes run so that machines compute while
      they send. It decides formats as well, for a number that is half as long travels and multiplies twice as fast.
    </p>
    <p>
      Here this report has to be read with care. The model of this run was trained by the threads of one process, without a network, in 32
      bits. What follows applies the planner and the simulator of this project to two things: to the decisions that this run’s router really
      made, and to the published system, where they can be held against what was measured there. Nothing in this chapter was executed on a
      cluster.
    </p> `
}

function inherited(run: RunFacts): Html {
  const [shape] = shapesOf(run)
  const { model } = run.document.recipe
  return html`<p>
    Architecture has handed on copies.
    ${
      shape
        ? html`With each of its ${model.expertCount} experts on a device of its own, a token of this run goes to
          ${digits(shape.devicesPerToken)} devices in each sparse layer, and how many of these are in other nodes depends on how the devices
          are boxed.`
        : html`How many devices a token of this run would go to was not recorded.`
    }
    The full-size model spreads ${published('256 experts over 64 devices in 8 nodes')}${cite('deepseek-v3', 'section 4.2')}, and without a
    remedy would spend ${published('about as long')} communicating as computing${cite('deepseek-v3', 'section 3.2.1')}.
  </p> `
}

function links(): Html {
  return html`<h4>Two kinds of links</h4>
    <p>
      Inside a node devices are joined by fast links, between nodes by a slower network: ${published('160 and 50 GB/s')} of each
      device${cite('deepseek-v3', 'section 3.2.2')}. A token therefore crosses the network once for each node that it visits, to the device
      of the same number there, and is handed round inside. Both levels work at once, so that with ${maths('n')} nodes and ${maths('d')}
      devices visited, ${maths('b')} bytes a copy, a token takes
    </p>
    ${formula(String.raw`\max\left(\frac{n\,b}{\text{network rate}},\ \frac{d\,b}{\text{link rate}}\right).`)}
    <p>
      The links being 3.2 times as fast, ${published('3.2 experts a node')} come at no further cost. This is the arithmetic behind the limit
      on nodes. The code is <code>src/infrastructure/plan/traffic.ts</code>.
    </p> `
}

function overlap(): Html {
  return html`<h4>Schedules</h4>
    <p>
      A pipeline gives each rank some of the layers and passes small batches through. At the beginning and the end of a step ranks wait for
      each other; this waiting is the bubble. The plain schedule, 1F1B, alternates one forward and one backward pass. ZB1P splits the
      backward pass in two, gradients of inputs, for which others wait, and gradients of weights, which can fill
      holes${cite('zero-bubble')}. DualPipe sends batches in from both ends and lays each forward pass over somebody else’s backward pass,
      so that one’s communication runs beside the other’s computation${cite('deepseek-v3', 'section 3.2.1')}.
    </p>
    ${table({
      id: 'bubbles',
      columns: [
        { title: 'Schedule' },
        { title: 'bubble', isPublished: true },
        { title: 'parameters held', align: 'end', isPublished: true },
        { title: 'bubble, formula', align: 'end' },
        { title: 'bubble, simulated', align: 'end' },
      ],
      rows: comparedSchedules.map((name) => {
        const { title, bubbleFormula, parameterCopies, bubble } = catalogue[name]
        const unit = { forward: 1, backward: 2, weight: 1, overlapped: 3 }
        return [
          title,
          bubbleFormula,
          `${parameterCopies}×`,
          digits(bubble(simulatedPipeline.rankCount, unit)),
          digits(stepOf(name, 0).bubble),
        ]
      }),
      caption: html`The simulator waits as long as the published formulas say, on ${simulatedPipeline.rankCount} ranks without
      communication. P ranks; F, B and W a chunk’s forward, backward and weight-gradient time (1, 2 and 1), F&amp;B an overlapped pair (3).`,
    })} `
}

function shapes(run: RunFacts): Html {
  const found = shapesOf(run)
  if (found.length === 0)
    return missing(
      'The router’s decisions on held-out text were not recorded in this run, so they cannot be laid over clusters of different shapes.',
    )
  const several = found.filter(({ nodeCount }) => nodeCount > 1).toSorted((a, b) => a.seconds - b.seconds)
  const [best, worst] = [several[0], several.at(-1)!]
  return html`<h4>The same devices in other boxes</h4>
    <p>
      ${tableReference('shapes')} takes this run’s routing, one device to an expert, and boxes the devices differently. No choice of the
      router changes between its rows; only the place of the experts does.
    </p>
    ${table({
      id: 'shapes',
      columns: [
        { title: 'Nodes × devices' },
        { title: 'nodes a token visits', align: 'end' },
        { title: 'network, a token', align: 'end' },
        { title: 'links, a token', align: 'end' },
        { title: 'time, a token', align: 'end' },
      ],
      rows: found.map((shape) => [
        `${shape.nodeCount} × ${shape.devicesPerNode}`,
        digits(shape.nodesPerToken),
        formatBytes(shape.networkBytesPerToken),
        formatBytes(shape.linkBytesPerToken),
        `${digits(shape.seconds * 1e9)} ns`,
      ]),
      caption: html`Of the ways to use several nodes, ${worst.nodeCount} × ${worst.devicesPerNode} takes
      ${digits(worst.seconds / best.seconds)} times as long as ${best.nodeCount} × ${best.devicesPerNode}. One sparse layer, forward, means
      over held-out tokens; rates of the published cluster.`,
    })}`
}

function publishedRun(): Html {
  const { asBuilt, smallNodes, halfNetwork } = publishedPlans()
  const row = (name: string, { step, run }: typeof asBuilt) => [
    name,
    `${digits(step.seconds)} s`,
    `${digits(step.exposedSeconds)} s`,
    `${digits(step.bubbleSeconds)} s`,
    `${digits(run.tokensPerDay / 1e9)}B`,
  ]
  const gap = asBuilt.step.seconds / publishedStepSeconds - 1
  return html`<h4>The published run, planned</h4>
    <p>
      The same planner, given the published model, cluster and layout, puts a step at ${digits(asBuilt.step.seconds)} s, where
      ${published(`${publishedStepSeconds} s`)} was measured${cite('isca-2025', 'table 4')}: ${percent(Math.abs(gap))} too
      ${gap < 0 ? 'short' : 'long'}.${sidenote('Efficiencies of kernels and links are taken from public traces and benchmarks of them; they were not fitted to the step.')}
      It is near enough to ask what a different cluster would have done.
    </p>
    ${table({
      id: 'published-plans',
      columns: [
        { title: 'DeepSeek-V3 on 2,048 devices' },
        { title: 'step', align: 'end' },
        { title: 'waiting for the network', align: 'end' },
        { title: 'bubble', align: 'end' },
        { title: 'tokens a day', align: 'end' },
      ],
      rows: [
        row('planned as built', asBuilt),
        row('nodes of four', smallNodes),
        row('network of half the rate', halfNetwork),
        [published('measured'), published('19.926 s'), published('not given'), published('2.06 s'), published('272.8B')],
      ],
      caption: html`On nodes of four the same devices would take ${percent(smallNodes.step.seconds / asBuilt.step.seconds - 1)} longer for a
      step, on a network of half the rate ${percent(halfNetwork.step.seconds / asBuilt.step.seconds - 1)}. Planned, with the published
      schedule; the last row is published.`,
    })}`
}

function schedules(run: RunFacts): Html {
  const found = schedulesAtTraffic(run)
  const measured = found
    ? html`At the traffic of this run’s router, on a network of ${found.gbits} Gbit/s (a ratio of ${digits(found.ratio)}), the simulator has
      DualPipe wait for the network ${percent(exposedShare(found.rows))} as long as the better of the other two schedules; the claim has the
      lengths of the steps.`
    : html`Without the router’s decisions there is no traffic of this run to schedule.`
  return html`<h4>Hiding</h4>
    <p>
      ${measured} ${figureReference('dualpipe-timeline')} shows ${found ? 'why' : 'how DualPipe hides it'}: outside of the two ends of a
      step there is hardly a forward pass without a backward pass beside it.
    </p>
    ${evidence(hiddenCommunication, run)}`
}

/** What DualPipe exposes of its communication, over the least that another schedule exposes. */
function exposedShare(rows: NonNullable<ReturnType<typeof schedulesAtTraffic>>['rows']): number {
  const exposed = (isDualPipe: boolean) => rows.filter(({ name }) => (name === 'dualpipe') === isDualPipe).map((row) => row.exposed)
  return Math.min(...exposed(true)) / Math.min(...exposed(false))
}

function handsOn(run: RunFacts): Html {
  const { float32, releasedFp8 } = checkpointSizes(run.document.recipe.model)
  const { asBuilt } = publishedPlans()
  return html`<p>
      Infrastructure hands on a rate, a memory and a format. The rate of the published run was ${published('272.8B tokens a day')}; of a
      device’s ${formatBytes(asBuilt.cluster.device.memoryBytes)} the planner fills ${formatBytes(asBuilt.memory.total)}. This run has the
      speed of one machine, and a heap of ${formatBytes(heapLimitBytes)} at most. Pre-training has to fit its batches, rows and checkpoints
      into them.
    </p>
    <p>
      The format goes further than that. What was trained in blocks of 128 can be served in blocks of 128: in the released layout the main
      model of this run would take ${formatBytes(releasedFp8)} instead of ${formatBytes(float32)}, and the published one takes
      ${published('688.6 GB, its MTP module included')}. A schedule leaves no trace in the weights, but this does.
    </p> `
}
