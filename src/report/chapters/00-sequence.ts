/** Chapter 00: the order in which the report is to be read, and why it is that order. The chain with this run's first numbers. */
import { cacheEquivalents, countParameters, presets } from '../../architecture/index.ts'
import { formatBytes, formatCount } from '../../base/format.ts'
import { cite, figureReference, formula, maths, published, sidenote, table, tableReference } from '../blocks.ts'
import { routingToTraffic, trafficOf } from '../claims/sequence-routing-to-traffic.ts'
import { keptEffects } from '../claims/sequence-schedule-to-inference.ts'
import { changingNetworks, feasibleSchedules, networkGbits, trafficToSchedule } from '../claims/sequence-traffic-to-schedule.ts'
import { distanceOf } from '../findings/distance.ts'
import { bytesOfCopy } from '../findings/routed-traffic.ts'
import { slowdownTolerance } from '../findings/hiding-schedules.ts'
import { trainedState } from '../findings/trained-state.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Chapter } from '../types.ts'
import { counted, digits, listed, percent, signed } from '../wording.ts'
import { evidence, missing } from './placed.ts'

export const sequenceChapter: Chapter = {
  name: 'sequence',
  decides,
  inherited,
  mechanism,
  measured: (run) => html`${traffic(run)}${schedules(run)}${state(run)}`,
  handsOn,
}

function decides(): Html {
  return html`<p>
      A language model of this kind is not one invention but seven layers of decisions: an objective, an architecture, the machines that it
      is trained on, the training itself, the way in which it is served, what it is taught afterwards, and how all of this is judged. They
      can be written down in any order. They can be understood in one only, because each layer is handed constraints by the one before and
      hands on constraints of its own.
    </p>
    <p>
      The technical report of DeepSeek-V3${cite('deepseek-v3')} is a good text to see this in. Its best-known figures, ${published('671B')}
      parameters of which a token uses ${published('37B')}, and ${published('2.788M')} GPU hours for all of its training, are no separate
      feats. A token may visit experts on four nodes at most, because of what the network can carry; because of the network the schedule
      overlaps two micro-batches; because whoever waits for all experts waits for the busiest, the router carries a bias that no gradient
      touches; and that bias is still there when the model is served.
    </p>
    <p>
      This report repeats that sequence with a model that one machine can train. Its numbers are its own. What it shares with the large
      system is the order and most of the mechanisms; where one is missing, as arithmetic in eight bits is, the text says so.
    </p> `
}

function inherited(run: RunFacts): Html {
  const { recipe, ceilings, machine } = run.document
  const { model, training } = recipe
  const { total, activated, mtp } = countParameters(model)
  const v3 = countParameters(presets['deepseek-v3'])
  return html`<p>
      The first layer inherits from nobody but the machine and the clock. This run was given one machine:
      ${machine.processor.trim() || 'a processor'}, ${counted(ceilings.threads, 'thread')}, ${formatBytes(machine.memoryBytes)} of memory.
      Its ceilings, probed before training, are ${digits(ceilings.gflopsAllThreads)} GFLOP/s of multiply-adds and
      ${digits(ceilings.streamGBs)} GB/s of memory read in order. From these follows everything that is small about the model below.
    </p>
    ${table({
      id: 'sizes',
      columns: [{ title: 'Size' }, { title: 'this run', align: 'end' }, { title: 'DeepSeek-V3', align: 'end', isPublished: true }],
      rows: [
        ['parameters of the main model', formatCount(total), '671B'],
        ['of which a token uses', formatCount(activated), '37B'],
        ['parameters of the MTP module', formatCount(mtp.unique), `${formatCount(v3.mtp.unique)}, counted`],
        ['layers, the dense ones among them', `${model.layerCount}, ${model.denseLayerCount}`, '61, 3'],
        ['width', String(model.width), '7,168'],
        ['routed experts, active in a token', `${model.expertCount}, ${model.activeExpertCount}`, '256, 8'],
        ['groups of experts, open to a token', `${model.groupCount}, ${model.activeGroupCount}`, '8, 4'],
        ['training tokens', formatCount(training.tokens), '14.8T'],
        ['tokens in a row of pre-training', String(training.rowLength), '4,096'],
      ],
      caption: html`For one parameter of this model the published one has ${ratioText(distanceOf(run).parameterRatio)}; the parts are the
      same. Sizes of DeepSeek-V3 are published${cite('deepseek-v3', 'sections 2, 4.1 and 4.2')}; where a cell says “counted” our formulas
      were applied to them.`,
    })}`
}

function mechanism(run: RunFacts): Html {
  const { model } = run.document.recipe
  return html`<p>
      Three arrows carry the argument. Routing decides traffic: a token is copied once to each node on which it has chosen an expert,
      however many it has chosen there, so what the network carries depends on how widely choices are spread. With ${maths('n')} nodes
      visited in a layer, width ${maths('D')}, a copy out in eight bits with one scale every 128 numbers and back in sixteen, a token costs
    </p>
    ${formula(String.raw`b = n\left(D + 4\lceil D/128\rceil + 2D\right) \allowbreak \ \text{bytes a layer and forward pass,}`)}
    <p>
      which is ${bytesOfCopy(model.width)} bytes a copy here and ${published(html`${formatBytes(bytesOfCopy(7168))}, counted`)} in the
      full-size system.
      ${sidenote('In one process no byte of this is sent. The router’s choices are real; the network they would cross is not.')} Traffic
      decides schedules: let ${maths('r')} be the time that these bytes take, divided by that of a forward pass’s computation. A schedule
      that does one thing at a time waits for all of it. One that computes a forward pass ${maths('F')} beside somebody else’s backward pass
      ${maths('B')} waits only for what they do not cover:
    </p>
    ${formula(String.raw`t_{\text{alone}} = F(1+r) + (B + rF), \qquad t_{\text{overlapped}} = \max\left(F + B,\ 2rF\right).`)}
    <p>
      And training decides what survives into inference: of all that the optimiser holds only some is of use to a server, and what is left
      has its shape from decisions that were made for training. The last arrow leads back. Since a model is trained once and served for a
      long time, what a generated token costs is a reason to choose one architecture and not another; chapter 02 begins there. The first
      arrow is measured by <code>src/inference/routing-probe.ts</code>, the second in <code>src/infrastructure/schedules/simulate.ts</code>.
    </p> `
}

function traffic(run: RunFacts): Html {
  const { limits, tokens, rows } = trafficOf(run)
  if (limits.length < 2)
    return missing(
      'The router’s decisions on held-out text were not recorded in this run, so neither its traffic nor the schedules that are feasible with it are known.',
    )
  const { groupCount } = run.document.recipe.model
  const trained = limits.find(({ isAsTrained }) => isAsTrained) ?? limits[0]
  const free = limits.at(-1)!
  const costs = limits.flatMap(({ activeGroupCount, addedNats, plusMinus }) =>
    addedNats === null || plusMinus === null
      ? []
      : [
          `${signed(addedNats)} ± ${digits(plusMinus)} nats with ${activeGroupCount === groupCount ? 'none' : `a limit of ${activeGroupCount}`}`,
        ],
  )
  return html`<h4>From routing to traffic</h4>
    <p>
      The trained router was given ${counted(tokens, 'token')} of held-out text, once for each limit on the groups that a token may visit
      (${figureReference('groups-by-layer')}). With the limit of ${trained.activeGroupCount} that it was trained with it uses
      ${digits(trained.copiesPerToken)} groups; left free it would use ${digits(free.copiesPerToken)}, which is
      ${percent(free.copiesPerToken / trained.copiesPerToken - 1)} more traffic for the same work. The published limit is
      ${published('4 of 8')}
      nodes${cite('deepseek-v3', 'section 2.1.2')}.${
        costs.length > 0
          ? html` Under a limit that it was not trained with, the model’s loss differs from that under its own: by ${listed(costs)}, paired
            over ${counted(rows, 'row')}.`
          : null
      }
    </p>
    ${evidence(routingToTraffic, run)}`
}

function schedules(run: RunFacts): Html {
  const rows = feasibleSchedules(run)
  if (rows.length === 0) return html``
  const { groupCount } = run.document.recipe.model
  const limits = [...new Set(rows.map(({ activeGroupCount }) => activeGroupCount))]
  const cellOf = (gbits: number, limit: number) => {
    const { ratio, names } = rows.find((row) => row.gbits === gbits && row.activeGroupCount === limit)!
    return `${digits(ratio)}: ${names.length === 0 ? 'none' : names.length === 3 ? 'all three' : listed(names)}`
  }
  const changing = changingNetworks(run)
  return html`<h4>From traffic to schedules</h4>
    <p>
      Suppose that each group stood on a machine like this one and that the machines were joined by Ethernet. The traffic just counted then
      takes a certain time beside the computation of a layer, and the simulator says which schedules are feasible with it, that is, keep a
      step within ${percent(slowdownTolerance)} of one without communication (${tableReference('feasible')},
      ${figureReference('schedules-by-traffic')}). In the full-size system that ratio is
      ${published('about 1')}${cite('deepseek-v3', 'section 3.2.1')}, far beyond those at which 1F1B or ZB1P are feasible, and this is the
      reason for which DualPipe was made.
    </p>
    ${table({
      id: 'feasible',
      columns: [
        { title: 'Network' },
        ...limits.map((limit) => ({ title: limit === groupCount ? 'no limit' : `limit of ${counted(limit, 'group')}` })),
      ],
      rows: networkGbits.map((gbits) => [`${gbits} Gbit/s`].concat(limits.map((limit) => cellOf(gbits, limit)))),
      caption: html`${
        changing.length > 0
          ? html`The router’s limit decides which schedules are feasible on ${listed(changing.map((gbits) => `${gbits} Gbit/s`))}`
          : html`On none of these networks does the router’s limit change which schedules are feasible`
      }.
      Ratio of communication to computation, and the schedules that are feasible at it; computation at the probed ceiling of this machine.`,
    })}
    ${evidence(trafficToSchedule, run)}`
}

function state(run: RunFacts): Html {
  const items = trainedState(run.document.recipe)
  const total = items.reduce((sum, { bytes }) => sum + bytes, 0)
  const dropped = items.filter(({ fate }) => fate === 'dropped').reduce((sum, { bytes }) => sum + bytes, 0)
  const effects = keptEffects(run)
  return html`<h4>From training to inference</h4>
    <p>
      At its end, pre-training holds ${formatBytes(total)}. ${tableReference('trained-state')} says what becomes of it. What the parts
      beside the weights are worth
      ${effects.length > 0 ? 'was measured; the claim about this arrow has the numbers.' : 'was not measured in this run.'}
    </p>
    ${table({
      id: 'trained-state',
      columns: [{ title: 'Trained state' }, { title: 'size', align: 'end' }, { title: 'in serving' }, { title: 'because' }],
      rows: items.map(({ name, bytes, fate, why }) => [name, formatBytes(bytes), fate, why]),
      caption: html`${percent(dropped / total)} of what training holds in its last step is of no use to a server. Four bytes a number, as
      this run keeps them.`,
    })}`
}

function handsOn(run: RunFacts): Html {
  const { model } = run.document.recipe
  const { mla, mha } = cacheEquivalents(model)
  return html`<p>
      What follows takes the layers one by one. Each chapter begins with what it has to accept and ends with what it leaves to the next, in
      this run’s numbers, and the last part puts the arrows together again. One of them can be stated beforehand, since it needs no
      training: a token of this model leaves ${mla} numbers in the cache where usual attention with the same heads would leave ${mha}.
      Inference asked for that; the architecture had to provide it.
    </p>
    <p>
      A word on verdicts. Every claim of this report was given a rule before it was tried. A rule asks for what this project can measure,
      which is sometimes less than the statement says: that a claim held means that its rule was met, and no more. What does not hold for a
      model of ${formatCount(countParameters(model).total)} parameters may hold for one of ${ratioText(distanceOf(run).parameterRatio)}
      times as many, or the other way round. The verdicts are about this run.
    </p> `
}

/** Two digits that count, in full: "220,000". */
const ratioText = (ratio: number) => Number(ratio.toPrecision(2)).toLocaleString('en')
