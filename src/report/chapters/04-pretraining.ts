/** Chapter 04: what the model reads, in which order and how fast, and how its window grows afterwards. */
import { formatCount, formatSeconds } from '../../base/format.ts'
import { trainingFlopsPerToken } from '../../architecture/index.ts'
import { cite, formula, maths, published, sidenote } from '../blocks.ts'
import { costByWindow } from '../findings/long-context.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { workOf } from '../share-wording.ts'
import type { Chapter } from '../types.ts'
import { counted, digits, listed, percent } from '../wording.ts'
import { ablated } from './04-ablated.ts'
import { course, domains, extension } from './04-read.ts'

export const pretrainingChapter: Chapter = {
  name: 'pretraining',
  decides,
  inherited,
  mechanism: (run) => html`${mixture(run)}${schedule(run)}${windows(run)}${pairs()}`,
  measured: (run) => html`${course(run)}${domains(run)}${extension(run)}${ablated(run)}`,
  handsOn,
}

function decides(): Html {
  return html`<p>
      By now the model has a shape, and machines that can train it. Pre-training decides what it reads: which texts, in which proportion, in
      batches of which size, with weights that move how fast, and through a window of which length. Nearly everything that the model will
      ever know is decided here, and so is most of what it costs.
    </p>
    <p>
      It is also the layer with the fewest secrets of a mathematical kind and the most of every other. The report describes its schedule to
      the digit and its mixture hardly at all; what it does say is how calm the run was,
      ${published('no irrecoverable loss spike and no rollback')}${cite('deepseek-v3', 'section 1')}, which is a statement about all layers
      below.
    </p> `
}

function inherited(run: RunFacts): Html {
  const { recipe, ceilings } = run.document
  const { training, model } = recipe
  const { totalWithMtp } = trainingFlopsPerToken(model, training.rowLength)
  const steps = run.steps('pretrain')
  const seconds = steps.reduce((sum, { stepSeconds }) => sum + stepSeconds, 0)
  const flops = steps.reduce((sum, { modelFlops }) => sum + modelFlops, 0)
  const reached =
    steps.length > 0 && seconds > 0
      ? html`Its steps took ${formatSeconds(seconds)} and reached ${digits(flops / seconds / 1e9)} GFLOP/s,
        ${percent(flops / seconds / 1e9 / ceilings.gflopsAllThreads)} of the ceiling that was probed before.`
      : html`None of its steps was taken.`
  return html`<p>
      The layers below hand over a price. A token of training costs this model ${workOf(totalWithMtp)}, the MTP module included, and the
      machine can do ${digits(ceilings.gflopsAllThreads)} GFLOP a second at the very best, on ${counted(ceilings.threads, 'thread')}. So the
      time that a run may take fixes the number of tokens: ${formatCount(training.tokens)} of them here. ${reached} For the published system
      the same arithmetic reads ${published('250 GFLOP a token')}${cite('isca-2025', 'table 2')},
      ${published('180K GPU hours for each trillion tokens')} and ${published('14.8T tokens')}${cite('deepseek-v3', 'section 1')}.
    </p>
    <p>
      It also inherits a precision, four-byte numbers throughout, and routers that must be kept even while the text keeps changing, since
      the biases that do so learn from the load of each batch.
    </p> `
}

function mixture(run: RunFacts): Html {
  const { data, training } = run.document.recipe
  const mask = data.maskDocuments
    ? 'a mask keeps the documents of a row apart'
    : 'no mask keeps the documents of a row apart, as in the published run'
  return html`<h4>Mixture and packing</h4>
    <p>
      Text comes in domains, and a weight for each says how large its share of the rows is. Documents are laid end to end and cut into rows
      of ${training.rowLength} tokens, so that no place in a batch is wasted on padding; ${mask}. With weights ${maths('w_d')}, the domain
      of a row is drawn with probability
    </p>
    ${formula(String.raw`P(d) = \frac{w_d}{\sum_{d'} w_{d'}}`)}
    <p>
      and what is not drawn is not learnt. The report says that it raised the part of mathematics and code over its predecessor’s and took
      in more languages${cite('deepseek-v3', 'section 4.1')}, and gives no shares. A tenth of its documents were rearranged for filling in
      the middle (${published('0.1')}; here ${data.fimRate}). The code is in <code>src/pretraining/data</code>.
    </p> `
}

function schedule({ document }: RunFacts): Html {
  const { schedule: own, tokens, rows, rowLength, optimizer } = document.recipe.training
  return html`<h4>Rates over time</h4>
    <p>
      The learning rate rises from zero, rests at its height for two thirds of the run, falls along half a cosine, and ends on two low
      plateaus. High rates explore and low ones settle; the long rest keeps the run at full speed for as long as that is safe.
    </p>
    ${formula(String.raw`\eta(x) = \eta_{\max}\Big(d + \frac{1 - d}{2}\Big(1 + \cos \pi\frac{x - x_1}{x_2 - x_1}\Big)\Big)`)}
    <p>
      This is the fall, between ${maths('x_1')} and ${maths('x_2')}. Here ${maths('x')} is the share of the tokens read so far, with
      ${maths('x_1')} = ${digits(own.decayStartShare)}, ${maths('x_2')} = ${digits(own.decayEndShare)} and ${maths('d')} =
      ${own.decayedFactor}, which are the report’s proportions. Its height is ${own.learningRate} after ${counted(own.warmupSteps, 'step')}
      of warm-up (${published('2.2e-4 after 2,000')}), since small models stand far larger steps. Batches grow from
      ${percent(own.firstBatchShare)} of their full ${formatCount(rows * rowLength)} tokens in the first ${percent(own.rampEndShare)} of
      ${formatCount(tokens)} (${published('from 12.6M to 62.9M tokens')}), and gradients longer than ${optimizer.clipNorm} are cut to that
      length, as published.${sidenote('The shape of the published ramp is not known; here it is linear in tokens.')} The schedule stands in
      <code>src/foundations/schedules.ts</code>.
    </p> `
}

function windows(run: RunFacts): Html {
  const { extension: own } = run.document.recipe
  const costs = costByWindow(run)
  const [first, last] = [costs[0], costs.at(-1)!]
  const settings = own
    ? html`Here the window of ${first.window} tokens grows to
      ${listed(
        costs.slice(1).map(({ window }) => String(window)),
        'and then to',
      )},
      with ${maths('s')} = ${own.yarnFactor} and ${counted(own.steps, 'step')} each. Without the MTP module a training token costs
      ${workOf(first.flops)} in the first window and ${workOf(last.flops)} in the last, where attention is ${percent(last.attentionShare)}
      of the work and no longer ${percent(first.attentionShare)}: long windows are not free, and this is why they come last.`
    : html`This run’s recipe does not extend its window.`
  return html`<h4>A longer window</h4>
    <p>
      Position is written into queries and keys as rotations, and a model has only seen the angles that occur in its window. To read
      further, YaRN slows the rotations: those that turn often within the old window tell neighbours apart and stay, those that turn less
      than once are divided by the factor, and between them the two are blended${cite('yarn')}.
    </p>
    ${formula(String.raw`\theta_i' = \theta_i\Big(1 - \gamma_i + \frac{\gamma_i}{s}\Big), \qquad \gamma_i = \operatorname{clamp}\Big(\frac{i - i_{\text{low}}}{i_{\text{high}} - i_{\text{low}}},\, 0,\, 1\Big)`)}
    <p>
      Then the model is trained on with the same tokens in a step, so longer rows are fewer rows. The report goes from
      ${published('4K to 32K to 128K in 1,000 steps each, with s = 40')}${cite('deepseek-v3', 'section 4.3')}. ${settings} The code is
      <code>src/pretraining/extension.ts</code>.
    </p> `
}

function pairs(): Html {
  return html`<h4>Ablations</h4>
    <p>
      Whether a mechanism helps is asked by leaving it out and changing nothing else: same seed, same text, same order. Both models are
      scored on the same held-out rows, and the differences row by row have far less spread than the rows themselves.
    </p>
    ${formula(String.raw`\bar\delta = \frac1n\sum_{r=1}^{n}\big(L_r^{\text{variant}} - L_r^{\text{control}}\big) \allowbreak {}\pm t_{n-1}\,\frac{s_\delta}{\sqrt n}`)}
    <p>
      If the interval contains zero, the answer is that nothing was established. With one seed the ${maths('n')} are rows, and the interval
      says whether these two models differ; whether two others would is a question for several seeds. The code is
      <code>src/pretraining/ablations/paired.ts</code>.
    </p> `
}

function handsOn(run: RunFacts): Html {
  const { recipe } = run.document
  const costs = costByWindow(run)
  const end = run.lastOf('training/end', ({ stage }) => stage === 'pretrain')
  const state = end
    ? end.reason === 'complete'
      ? html`Pre-training came to its end after ${counted(end.step, 'step')} and ${formatCount(end.tokens)} tokens.`
      : html`Pre-training was interrupted after ${counted(end.step, 'step')}; what follows is of the model as it was then, if it was
        measured at all.`
    : html`Pre-training has not come to its end in this run.`
  return html`<p>
      ${state} What this layer hands on is weights, router biases that no longer
      move${recipe.model.mtpDepth > 0 ? ', a module that predicts one token further' : ''} and a window of ${costs.at(-1)!.window} tokens.
      The moments of the optimiser, which are twice the size of the weights, are left behind.
    </p>
    <p>
      It also hands on what it did not read. A domain that was a small part of the mixture stays foreign to every stage after this one:
      fine-tuning can teach the form of an answer about it, and serving will find that its text asks for other experts than the ones that
      were kept busy here.
    </p> `
}
