/** Chapter 06: from a model that continues text to one that answers, by imitation first and by reward then. */
import { formatCount } from '../../base/format.ts'
import { countParameters } from '../../architecture/index.ts'
import { configAfter } from '../../pretraining/index.ts'
import { cite, formula, maths, published, sidenote } from '../blocks.ts'
import { beforeSft, rlSteps, summarizeReinforcement } from '../findings/accuracies.ts'
import { changesByPosttraining, type DomainChanges } from '../findings/domain-scores.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { plusMinus, shareOf } from '../share-wording.ts'
import type { Chapter } from '../types.ts'
import { counted, listed, percent } from '../wording.ts'
import { fineTuningMeasured } from './06-fine-tuning-measured.ts'
import { reinforcementMeasured } from './06-reinforcement-measured.ts'
import { generatedMeasured } from './06-generated-measured.ts'
import { rewardMeasured } from './06-reward-measured.ts'

export const posttrainingChapter: Chapter = {
  name: 'posttraining',
  decides,
  inherited,
  mechanism: (run) => html`${fineTuning(run)}${rewards(run)}${reinforcement(run)}`,
  measured: (run) => html`${fineTuningMeasured(run)}${reinforcementMeasured(run)}${rewardMeasured(run)}${generatedMeasured(run)}`,
  handsOn,
}

function decides(): Html {
  return html`<p>
      A base model continues text. Asked a question, it may well go on with three more questions, because that is what a page of questions
      looks like. Post-training decides what a reply is: its form, where it ends, and which of the replies that the model could give it
      should prefer. It adds little knowledge. What it changes is which part of the model’s knowledge comes out when somebody asks.
    </p>
    <p>
      The report does this in two steps, and so does this run. Supervised fine-tuning shows replies and asks the model to imitate them.
      Reinforcement then lets the model answer by itself, has a rule check the answers, and makes more likely what was right. The order is
      not a matter of taste: reinforcement can only strengthen replies that the model already gives now and then, so something has to bring
      the first of them about.
    </p> `
}

function inherited(run: RunFacts): Html {
  const { recipe } = run.document
  const config = configAfter(recipe, 'sft')
  const before = beforeSft(run)
  const summary = summarizeReinforcement(rlSteps(run, 'rl'))
  const tried = before
    ? html`Tried on the problems of this chapter before anything else, it answered ${shareOf(before)}, where chance is
      ${percent(before.chance)}; ${percent(before.formatRate)} of its replies had the form that is asked for, and
      ${percent(before.stopRate)} came to an end within ${recipe.rl?.maxTokens ?? 0} tokens.`
    : html`How it answered before fine-tuning was not measured in this run.`
  const speed = summary
    ? html` Of the time of this run’s reinforcement ${percent(summary.rolloutShare)} went into drawing replies, so
      ${summary.rolloutShare >= 0.5 ? 'inference' : 'training'} set its pace.`
    : null
  return html`<p>
      This layer starts from what ${recipe.extension ? 'context extension' : 'pre-training'} left: a model of
      ${formatCount(countParameters(config).total)} parameters with a window of ${config.maxLength} tokens and a vocabulary of
      ${config.vocabSize}. ${tried}
    </p>
    <p>
      It inherits two constraints beside. Conversations must fit the window, so the rows of fine-tuning have
      ${recipe.sft?.rowLength ?? config.maxLength} tokens. And a model that learns from its own replies must first write them, one token
      after the other, with the decoder of the chapter before.${speed} For the full-size system the whole of post-training is a small
      matter: ${published(html`5K of 2,788K GPU hours`)}${cite('deepseek-v3', 'table 1')}, because it comes last and inherits almost
      everything.
    </p> `
}

function fineTuning({ document }: RunFacts): Html {
  const { sft } = document.recipe
  const settings = sft
    ? html`Here it is
      ${counted(sft.conversations, 'made conversation')}${sft.problems > 0 ? `, ${counted(sft.problems, 'solved problem')} of the tasks that are reinforced next` : ''}${sft.paths.length > 0 ? ` and those of ${counted(sft.paths.length, 'file')}` : ''},
      ${counted(sft.epochs, 'pass', 'passes')}, and a rate from ${sft.learningRate} to
      ${Number((sft.learningRate * sft.lastFactor).toPrecision(3))}: a small model that has seen little stands, and needs, much larger
      steps.`
    : html`This run’s recipe has no fine-tuning.`
  return html`<h4>Imitation</h4>
    <p>
      A conversation is written out by a template, with a special token before each turn of the user and of the assistant and one at the end
      of an answer. The loss is the cross-entropy of pre-training, but only the tokens of answers count, the end token among them: the model
      is to learn to answer, not to ask.
    </p>
    ${formula(String.raw`\mathcal L_{\text{SFT}} = -\frac{1}{|\mathcal A|}\sum_{t \in \mathcal A} \ln p\left(x_t \mid x_{<t}\right)`)}
    <p>
      Here ${maths(String.raw`\mathcal A`)} is the set of positions that belong to answers. Several conversations share a row, and unlike in
      pre-training a mask keeps each from seeing the others${cite('deepseek-v3', 'section 5.1')}. The code is
      <code>src/posttraining/sft-stage.ts</code> and, for the packing, <code>src/posttraining/sft-rows.ts</code>. The published run used
      ${published('1.5M instances, two epochs, a cosine from 5e-6 to 1e-6')}. ${settings}
    </p> `
}

function rewards({ document }: RunFacts): Html {
  const tasks = document.recipe.rl ? ` (${listed(document.recipe.rl.tasks)})` : ''
  return html`<h4>Rules as rewards</h4>
    <p>
      Where an answer can be checked, a rule is the best judge there is: it cannot be flattered, and it does not tire. The report checks
      mathematics against the boxed result and code by compiling it and running tests, and keeps learnt reward models for what has no such
      check${cite('deepseek-v3', 'section 5.2.1')}. This run is reinforced on tasks with verifiers only${tasks}. A reply earns one for the
      right answer and a tenth for standing between the tags that were asked for, the two rewards of
      R1-Zero${cite('deepseek-r1', 'section 2.2')}. The tenth is no kindness: it tells the replies of an all-wrong group apart by whether
      they could have been checked at all.
    </p>
    <p>
      A reward model is the fine-tuned model with a linear head that is read at a reply’s last token, trained on pairs until the better
      reply scores higher:
    </p>
    ${formula(String.raw`\mathcal L_{\text{RM}} = -\ln \sigma\big(r(x, y_{\text{better}}) - r(x, y_{\text{worse}})\big)`)}
    <p>Here the verifier says which is better (<code>src/posttraining/reward</code>).</p> `
}

function reinforcement({ document }: RunFacts): Html {
  const { rl } = document.recipe
  const settings = rl
    ? html`This run draws ${rl.samplesPerProblem} replies to each of ${rl.problemsPerStep} problems a step, with
      ${maths(String.raw`\varepsilon`)} = ${rl.clip}, ${maths(String.raw`\beta`)} = ${rl.klWeight} and a rate of ${rl.learningRate}.`
    : html`This run’s recipe has no reinforcement.`
  return html`<h4>Reinforcement</h4>
    <p>
      Group relative policy optimization asks what is good by comparison. The model draws several replies to the same problem; a reply that
      earned more than its group’s mean is made more likely, one that earned less is made less likely, each in units of the group’s standard
      deviation. The group takes the place of the value model that other methods train for the same purpose.
    </p>
    ${formula(String.raw`A_i = \frac{r_i - \operatorname{mean}(r)}{\operatorname{std}(r)}, \qquad \rho_{i,t} = \frac{\pi_\theta(o_{i,t})}{\pi_{\text{old}}(o_{i,t})}`)}
    ${formula(String.raw`J = \mathbb E\,\frac1G\sum_{i=1}^{G}\frac{1}{|o_i|}\sum_t \allowbreak \min\big(\rho_{i,t}A_i,\ \operatorname{clip}(\rho_{i,t}, 1-\varepsilon, 1+\varepsilon)\,A_i\big) \allowbreak {} - \beta\, k_3`)}
    ${formula(String.raw`k_3 = \frac{\pi_{\text{ref}}}{\pi_\theta} - \ln\frac{\pi_{\text{ref}}}{\pi_\theta} - 1`)}
    <p>
      The clip keeps one batch from carrying the model too far, and ${maths('k_3')}, an unbiased estimate of the divergence from the
      fine-tuned model that is never negative, keeps it from forgetting what it was${cite('kl-estimate')}. A group whose replies all earned
      the same says nothing about what is better; it is left out and counted. The V3 report writes the ratio of a whole
      reply${cite('deepseek-v3', 'section 5.2.2')}; this code takes the form by tokens in which the method was first
      published${cite('deepseek-math', 'section 4.1')}.${sidenote('The reports do not say which standard deviation is meant. Here it is that of the population, divided by G.')}
      It stands in <code>src/posttraining/grpo.ts</code>, free of tensors, so that it can be checked by hand. ${settings} V3’s own settings
      are not published; those of its relatives are
      ${published(html`64 replies, ${maths(String.raw`\beta`)} = 0.04, rate 1e-6`, 'DeepSeekMath')} and
      ${published(html`16 replies, ${maths(String.raw`\beta`)} = 0.001, rate 3e-6`, 'R1-Zero')}.
    </p> `
}

/** What became of bits per byte on text of pre-training, each domain on the same bytes before and after. */
function forgotten({ before: stage, changes }: DomainChanges): string {
  const phrases = changes.map(
    ({ domain, before, after }) =>
      `${domain} from ${plusMinus(before.bitsPerByte, before.plusMinus)} to ${plusMinus(after.bitsPerByte, after.plusMinus)}`,
  )
  const dearer = changes.filter(
    ({ before, after }) => after.bitsPerByte - before.bitsPerByte > Math.hypot(before.plusMinus, after.plusMinus),
  ).length
  const start = stage === 'pretrain' ? 'pre-training' : 'context extension'
  return (
    `On the same held-out bytes of each domain, bits per byte after ${start} and after post-training: ${listed(phrases)}. ` +
    `They rose by more than both intervals together in ${dearer} of ${counted(changes.length, 'domain')}: ` +
    `${dearer > 0 ? 'what was learnt of answering was paid for with what was known of such text' : 'learning to answer cost nothing that shows on such text'}.`
  )
}

function handsOn(run: RunFacts): Html {
  const found = changesByPosttraining(run)
  const price = found ? forgotten(found) : 'What post-training cost on held-out text was not measured on the same text before and after.'
  return html`<p>
      This layer hands on the finished model, in <code>model/</code>, with the chat template in its tokenizer’s configuration: the same file
      that was trained is the one that is served. ${price}
    </p>
    <p>
      To evaluation it hands a difficulty. Every score from here on is a score of several things at once, of what was read, of the
      architecture, of the conversations and of the rewards, and no single number says which of them it owes its height to.
    </p> `
}
