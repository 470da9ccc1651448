/** Chapter 01: the objective, the loop, the optimiser and the instruments by which all later chapters read their results. */
import { countParameters, trainingFlopsPerToken } from '../../architecture/index.ts'
import { formatBytes, formatCount, formatFlops, formatShare } from '../../base/format.ts'
import { cite, figureReference, formula, maths, published, sidenote, table, tableReference } from '../blocks.ts'
import { baseLoop, lossEnds, reachedFlops } from '../claims/foundations-base-loop.ts'
import { denserSupervision } from '../claims/foundations-denser-supervision.ts'
import { rankedScores, readingTools, strongestBaseline } from '../claims/foundations-reading-tools.ts'
import { ablationsOf, differenceText, sizeText } from '../claims/ablation-facts.ts'
import { distanceOf } from '../findings/distance.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Chapter } from '../types.ts'
import { bitsPerByte, changed, counted, digits, inCode, listed, nats, percent } from '../wording.ts'
import { evidence, missing } from './placed.ts'

export const foundationsChapter: Chapter = {
  name: 'foundations',
  decides,
  inherited,
  mechanism: (run) => html`${objective(run)}${optimiser(run)}${furtherTokens(run)}`,
  measured: (run) => html`${loop(run)}${readings(run)}${supervision(run)}`,
  handsOn,
}

function decides(): Html {
  return html`<p>
      Before there is an architecture there is a loop: take some text, predict each next token, measure how wrong that was, find out in
      which direction every weight should move, and move it a little. Nothing that has since been added to language models has replaced it.
      This layer decides what “wrong” means, how gradients become steps, and with which instruments everybody will later say that something
      became better.
    </p>
    <p>
      Two decisions of the report belong here that are less usual. Each position is asked not only for the next token but, by a small
      further module, for the one after it. And the arithmetic is done in eight bits where that is safe, while whatever adds up over many
      steps (master weights, gradients, the moments of the optimiser) is kept wider.
    </p> `
}

function inherited(run: RunFacts): Html {
  const { recipe, ceilings } = run.document
  const { training } = recipe
  const { ownTokenFlops: flops, publishedTokenFlops } = distanceOf(run)
  const corpus = textRead(run)
  return html`<p>
      The budget fixes the product of two things, the work of a token and the number of tokens. A token of this model takes
      ${digits(flops / 1e6)} MFLOP in training, the further token included, and one of the published model
      ${published(html`${digits(publishedTokenFlops / 1e9)} GFLOP, counted`)}; so ${digits(ceilings.gflopsAllThreads)} GFLOP/s could at best
      process ${formatCount(Math.round((ceilings.gflopsAllThreads * 1e9) / flops))} tokens a second, and the recipe takes
      ${formatCount(training.tokens)} of them in batches of ${training.rows * training.rowLength}, where the published run took
      ${published('14.8T')} in batches of up to ${published('62.9M')}${cite('deepseek-v3', 'section 4.2')}.
    </p>
    <p>
      The vocabulary of ${recipe.tokenizer.vocabSize.toLocaleString('en')} tokens (${published('128K')}) was learnt by byte-pair encoding on
      at most ${formatBytes(recipe.tokenizer.trainingBytes)} of the run’s own
      text.${
        corpus === null
          ? null
          : html` ${formatBytes(corpus.utf8Bytes)} of text became ${formatCount(corpus.tokens)} tokens,
            ${digits(corpus.utf8Bytes / corpus.tokens)} bytes each: the exchange rate at which losses in nats turn into bits per byte.`
      }
    </p> `
}

/** All text that was made into tokens; null without the events. */
function textRead(run: RunFacts) {
  const parts = run.latestOf('data-tokenized', ({ domain }) => domain)
  if (parts.length === 0) return null
  const sum = (of: (part: (typeof parts)[number]) => number) => parts.reduce((total, part) => total + of(part), 0)
  return { tokens: sum(({ tokens }) => tokens), utf8Bytes: sum(({ utf8Bytes }) => utf8Bytes) }
}

function objective(run: RunFacts): Html {
  const { balanceWeight, schedule } = run.document.recipe.training
  return html`<h4>What is minimised</h4>
    <p>
      The model gives every token of the vocabulary a probability of coming next. The loss is the surprise at what did come, in nats:
      nothing for a token that was certain, 0.69 for one that was as likely as a coin’s side. Its mean over all positions is the
      cross-entropy:
    </p>
    ${formula(String.raw`\mathcal L = -\frac1T\sum_{t=1}^{T} \ln p\left(x_{t+1} \mid x_{\le t}\right) \allowbreak {} + \frac{\lambda}{J}\sum_{k=1}^{J} \mathcal L_{\text{MTP}}^{k} \allowbreak {} + \alpha \sum_{\ell} \mathcal L_{\text{Bal}}^{\ell}`)}
    <p>
      The second term is that of the further tokens, with ${maths(String.raw`\lambda`)} = ${schedule.mtpWeight} and later
      ${schedule.lateMtpWeight} (${published('0.3, then 0.1')}); the third keeps experts even within a sequence, with
      ${maths(String.raw`\alpha`)} = ${balanceWeight} (${published('1e-4')}), and belongs to the next chapter. Two readings of the same
      number are in use. Perplexity is ${maths(String.raw`e^{\mathcal L}`)}, the number of equally likely tokens that would surprise as
      much. Bits per byte divide by the length of the text itself and so do not depend on how a tokenizer cuts it:
    </p>
    ${formula(String.raw`\text{bits per byte} = \frac{-\sum_t \ln p(x_t)}{\ln 2 \,\cdot\, \text{bytes of UTF-8}}`)} `
}

function optimiser(run: RunFacts): Html {
  const { optimizer, schedule } = run.document.recipe.training
  return html`<h4>How gradients become steps</h4>
    <p>
      AdamW keeps two moving averages for every weight, of its gradient and of the gradient’s square, and moves the weight by the one
      divided by the root of the other: far where gradients agree with each other, little where they are noise. Decay pulls all matrices
      towards zero at the side, without passing through the averages${cite('adamw')}.
    </p>
    ${formula(String.raw`m \leftarrow \beta_1 m + (1-\beta_1)\,g, \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2`)}
    ${formula(String.raw`w \leftarrow w - \eta\left(\frac{\hat m}{\sqrt{\hat v} + \epsilon} + \omega w\right)`)}
    <p>
      With ${maths(String.raw`\beta_1`)} = ${optimizer.beta1}, ${maths(String.raw`\beta_2`)} = ${optimizer.beta2},
      ${maths(String.raw`\omega`)} = ${optimizer.weightDecay} and gradients cut at a norm of ${optimizer.clipNorm} the settings are the
      published ones (${published('0.9, 0.95, 0.1, 1.0')}${cite('deepseek-v3', 'section 4.2')}); the rate is not: ${schedule.learningRate}
      at its highest against ${published('2.2e-4')}, because small models bear and need longer steps. A batch need not go through the model
      at once. It can be cut into parts whose gradients are added up, provided that the sum is kept in a format that small parts do not
      vanish
      in.${sidenote('This version keeps weights, gradients and moments in f32. The published run keeps master weights and gradients in FP32 and the moments in BF16.')}
      The code is <code>src/pretraining/training-step.ts</code>, and <code>src/foundations/adamw.ts</code> for the update.
    </p> `
}

function furtherTokens(run: RunFacts): Html {
  const { mtpDepth } = run.document.recipe.model
  return html`<h4>Further tokens</h4>
    <p>
      Multi-token prediction takes the main model’s representation of a position, joins it with the embedding of the token that came next,
      and passes both through one more layer, which then predicts the token after that${cite('deepseek-v3', 'section 2.2')}. Each position
      thus teaches ${maths('1 + J')} times, and what it learns for the second token has to be in the representation that serves the first.
    </p>
    ${formula(String.raw`h'_t = M\left[\operatorname{norm}(\operatorname{Emb}(x_{t+1}));\ \operatorname{norm}(h_t)\right]`)}
    ${formula(String.raw`p(x_{t+2}) = \operatorname{softmax}\left(\operatorname{Head}(\operatorname{Layer}(h'_{\le t}))\right)`)}
    <p>
      Here ${maths('J')} = ${mtpDepth} (${published('1')}). Embedding and head are the main model’s own. Afterwards the module can be thrown
      away, or kept to draft tokens that the main model then only has to check; what drafts are worth is measured here and told again in the
      chapter on inference. The code is in <code>src/architecture/model.ts</code>.
    </p> `
}

function loop(run: RunFacts): Html {
  const steps = run.steps('pretrain')
  if (steps.length === 0) return missing('This run has taken no step of pre-training, so there is no loop to report on.')
  const flops = reachedFlops(steps)
  const { ceilings, recipe } = run.document
  const ends = lossEnds(steps)
  const clipped = steps.filter(({ gradientNorm }) => gradientNorm > recipe.training.optimizer.clipNorm).length
  const skipped = run.ofType('training/skipped').filter(({ stage }) => stage === 'pretrain').length
  return html`<h4>The loop as it ran</h4>
    <p>
      Pre-training took ${counted(steps.length, 'step')}.
      ${
        ends
          ? html`The loss of a batch, in the mean over the first and over the last tenth of them,
            ${changed(ends.first.value, ends.last.value, digits, ' nats')} (${figureReference('pretraining-loss')}), in perplexity from
            ${perplexity(ends.first.value)} to ${perplexity(ends.last.value)}.`
          : html`That is too few to compare its ends.`
      }
      Gradients were cut in ${percent(clipped / steps.length)} of the steps, and
      ${skipped === 0 ? 'no step was skipped' : `${counted(skipped, 'step')} ${skipped === 1 ? 'was' : 'were'} skipped because a number was not finite`};
      the published run reports ${published('no irrecoverable spike and no rollback')}${cite('deepseek-v3', 'section 1')}. All steps
      together ran at ${formatFlops(flops)}, ${formatShare(flops / (ceilings.gflopsAllThreads * 1e9))} of the probed ceiling; the published
      one reached ${published('38.9 %')} of its devices’ BF16 peak${cite('isca-2025', 'table 4')}. ${tableReference('work-of-a-token')}
      takes a step apart.
    </p>
    ${evidence(baseLoop, run)} ${workTable(run)}`
}

/** The work of a token by what it is done in, forward and backward. */
function workTable(run: RunFacts): Html {
  const { model, training } = run.document.recipe
  const { activatedByComponent: part } = countParameters(model)
  const { attention, mtp, totalWithMtp } = trainingFlopsPerToken(model, training.rowLength)
  const ofWeights = (count: number) => 6 * count
  const rows = (
    [
      ['the head, a score for every token of the vocabulary', ofWeights(part.head)],
      ['experts, routed and shared', ofWeights(part.routedExperts + part.sharedExperts)],
      ['projections of attention', ofWeights(part.attention)],
      ['attention itself, scores and mixing', attention],
      ['dense feed-forward layers', ofWeights(part.denseFfn)],
      ['routers and norms', ofWeights(part.router + part.norms)],
      ['the further token, its module and its pass through the head', mtp],
    ] as const
  )
    .filter(([, work]) => work > 0)
    .toSorted(([, a], [, b]) => b - a)
  return table({
    id: 'work-of-a-token',
    columns: [{ title: 'Part' }, { title: 'forward', align: 'end' }, { title: 'backward', align: 'end' }, { title: 'share', align: 'end' }],
    rows: rows.map(([name, work]) => [name, megaflop(work / 3), megaflop((2 * work) / 3), formatShare(work / totalWithMtp)]),
    caption: html`The largest share of a step’s work, ${formatShare(rows[0][1] / totalWithMtp)}, goes into ${rows[0][0]}. Counted, for one
    token; a backward pass costs as much again for the gradients of inputs and as much for those of weights. The update itself moves memory
    and hardly computes.`,
  })
}

const megaflop = (flops: number) => `${digits(flops / 1e6)} MFLOP`

function readings(run: RunFacts): Html {
  const scores = rankedScores(run)
  const [best, worst] = [scores[0], scores.at(-1)]
  if (!best || !worst) return missing('Held-out text was not scored in this run, so its loss cannot be set beside compressors.')
  const won = scores.filter((score) => score.bitsPerByte < strongestBaseline(score).bitsPerByte)
  return html`<h4>The reading tools</h4>
    <p>
      A loss by itself says little. Set beside what general compressors and mere counting need for the same bytes, it can be read
      (${figureReference('bits-by-domain')}). The model needs ${bitsPerByte(best.bitsPerByte)} for ${best.domain} and
      ${digits(worst.bitsPerByte)} for ${worst.domain};
      ${
        won.length === 0
          ? 'in no domain is that less than the best of the baselines needs'
          : html`it beats the best of the baselines in ${counted(won.length, 'domain')} of ${scores.length}:
            ${listed(won.map(({ domain }) => domain))}`
      }.
      The full-size base model needs ${published('0.548')} on the Pile’s test set${cite('deepseek-v3', 'section 4.4')}, which is other text,
      so this is a sense of scale and no comparison.
    </p>
    ${evidence(readingTools, run)}`
}

function supervision(run: RunFacts): Html {
  const [ablation] = ablationsOf(run, 'mtp')
  const speculation = run.lastOf('inference/speculation')
  if (!ablation && !speculation)
    return missing(`What the further tokens were worth was not measured in this run; ${inCode(denserSupervision.command)} does it.`)
  const trained = ablation
    ? html`Small models were trained alike (${sizeText(ablation)}), with the module and without. The loss of the one less that of the other
      is ${differenceText(ablation)}.
      ${ablation.verdict === 'not established' ? 'The interval contains zero, so nothing is established about the main loss.' : html`The main loss is established to be ${ablation.verdict} with the module.`}`
    : html`No pair of models with and without the module was trained beside this run.`
  const drafts =
    speculation && speculation.drafted > 0
      ? html` As a drafter, the module of this run’s model was right in ${percent(speculation.accepted / speculation.drafted)} of
        ${speculation.drafted} cases.`
      : html` What its drafts are worth was not measured.`
  return html`<h4>Denser supervision</h4>
    <p>
      ${trained}${drafts} Published are a loss that stays about equal (${published('0.729 and 0.729')} bits per byte at 15.7B parameters),
      better scores on most tasks (HumanEval ${published('20.7 and 26.8')}), and an acceptance of
      ${published('85 to 90 %')}${cite('deepseek-v3', 'sections 4.5.1 and 5.4.3')}.
    </p> `
}

function handsOn(run: RunFacts): Html {
  const { model, training } = run.document.recipe
  const flops = trainingFlopsPerToken(model, training.rowLength)
  const ends = lossEnds(run.steps('pretrain'))
  return html`<p>
    What this layer hands on is a price list. A token costs ${digits(flops.totalWithMtp / 1e6)} MFLOP, of which
    ${formatShare(flops.mtp / flops.totalWithMtp)} are for the further tokens and ${formatShare(flops.attention / flops.totalWithMtp)} for
    attention at ${training.rowLength} tokens; a weight costs four numbers of memory, itself, its gradient and two moments. The architecture
    has to spend within it, and everything that it proposes will be judged by the same
    loss${ends ? html`, whose mean over the last tenth of pre-training was ${nats(ends.last.value)}` : null}. It also hands on an appetite:
    the loop is indifferent to what the weights are for, so any structure that lowers the loss for the same work is welcome, sparse experts
    among them.
  </p> `
}

/** e to the loss, three digits that count, in full. */
const perplexity = (lossNats: number) => Number(Math.exp(lossNats).toPrecision(3)).toLocaleString('en')
