/** Chapter 07: what a score is evidence of, what this run's scores are, and where the whole account ends. */
import { formatCount } from '../../base/format.ts'
import { countParameters } from '../../architecture/index.ts'
import { cite, figureReference, formula, maths, published } from '../blocks.ts'
import { distanceOf, ratioTimes } from '../findings/distance.ts'
import { domainScores } from '../findings/domain-scores.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Chapter } from '../types.ts'
import { judged } from './07-judges.ts'
import { appendices, attribution, contamination, scores } from './07-scores.ts'

export const evaluationChapter: Chapter = {
  name: 'evaluation',
  decides,
  inherited,
  mechanism: (run) => html`${compression()}${choosing()}${trust(run)}`,
  measured: (run) => html`${scores(run)}${attribution(run)}${contamination(run)}${judged(run)}${appendices(run)}`,
  handsOn: (run) => html`${chain()}${limits(run)}`,
}

function decides(): Html {
  return html`<p>
      Evaluation decides nothing about the model any more. It decides what may be said about it. A report of a large model ends in tables of
      benchmarks, and they are read as if the architecture above them had caused the numbers in them. What they show is an outcome: this
      system, with this data and these rewards, answered so many questions rightly. Which part of the system it is owed to, a table of
      outcomes cannot say; only a comparison in which one thing differs can, and those are few and small in every report.
    </p>
    <p>
      So this layer decides on the manners of evidence. A score stands beside what guessing reaches, with the number of items and an
      interval. The items come from text that was held out, and whether any of them stands in the training text is looked up. What was not
      measured is listed as such.
    </p> `
}

function inherited(run: RunFacts): Html {
  const { recipe } = run.document
  const { total, activated } = countParameters(recipe.model)
  const read =
    domainScores(run, 'pretrain').length > 0
      ? html`How well it predicts held-out text stands in ${figureReference('bits-by-domain')}.`
      : html`How well it predicts held-out text was not measured.`
  return html`<p>
    The model that arrives here has ${formatCount(total)} parameters, of which a token uses ${formatCount(activated)}, and has read
    ${formatCount(recipe.training.tokens)} tokens; the published one has
    ${published('671B, 37B of them active, and has read 14.8T')}${cite('deepseek-v3', 'abstract')}. ${read} That fixes what can be asked of
    it. The benchmarks of the report are out of its reach and would come out at chance, so the tasks here are small relatives of them, built
    from the run’s own held-out text, and each names the one that it is like. They say something about this model; none of their values is
    comparable with a published one.
  </p> `
}

function compression(): Html {
  return html`<h4>Compression</h4>
    <p>
      The plainest score asks how well the next token is foreseen, in bits per byte as in chapter 01: the size that the text would have if
      the predictions were used as a code. Every byte counts, the first ones of a document too, so a general compressor can stand beside it
      on the same bytes. The code is
      <code>src/evaluation/bits-per-byte.ts</code>.
    </p> `
}

function choosing(): Html {
  return html`<h4>Choosing</h4>
    <p>
      A task offers several answers, and the model takes the one that it finds likeliest. Long answers are less likely than short ones
      whatever they say, so each is judged by its mean loss, as the report does for its multiple-choice
      benchmarks${cite('deepseek-v3', 'section 4.4.1')}. Pairs of sentences that differ in one place are compared by their whole likelihood,
      and open answers by the likeliest token at each step.
    </p>
    ${formula(String.raw`\hat a = \arg\max_{a}\ \frac{1}{|a|}\sum_{t \in a} \allowbreak \ln p\left(a_t \mid \text{question},\, a_{<t}\right)`)}
    <p>
      Here ${maths('|a|')} counts an answer’s tokens. Everything about a task lives in <code>src/evaluation/tasks</code>, its scoring in
      <code>src/evaluation/score-items.ts</code>.
    </p> `
}

function trust({ document }: RunFacts): Html {
  const { itemsPerTask } = document.recipe.evaluation
  return html`<h4>Trusting a score</h4>
    <p>
      Of ${maths('n')} items ${maths('k')} answered rightly are a share with an uncertainty, and for few items or shares near 0 and 1 the
      usual formula is wrong. Wilson’s interval holds there too${cite('wilson')}: it contains every true share that would not be surprised
      by what was found.
    </p>
    ${formula(String.raw`\frac{1}{1 + z^2/n}\left(\frac{k}{n} + \frac{z^2}{2n} \pm z\sqrt{\frac{k(n-k)}{n^3} + \frac{z^2}{4n^2}}\right), \qquad z = 1.96`)}
    <p>
      With at most ${itemsPerTask} items a task, a difference of a few points is not to be seen, and is not claimed. The report repeats
      benchmarks of fewer than a thousand items several times for the same reason, and calls two models equal that are within
      ${published('0.3 points')}${cite('deepseek-v3', 'table 3')}.
    </p> `
}

/** What goes back to the first layer. */
function chain(): Html {
  return html`<p>
    The last layer hands its findings back to the first. The sequence of this report claims that each layer narrows what the next can do;
    what became of its four arrows is a claim of this chapter, and the closing part puts them in order with their numbers.
  </p> `
}

function limits(run: RunFacts): Html {
  const { parameterRatio, tokenRatio } = distanceOf(run)
  const read = tokenRatio === null ? '' : ` and has read ${ratioTimes(tokenRatio)} as many tokens`
  return html`<p>
    Three limits belong to every sentence above. The run has one seed (${run.document.recipe.seed}), so an interval over items or rows does
    not contain what another seed would have done. The published model has ${ratioTimes(parameterRatio)} as many parameters${read}, and what
    a mechanism gains may depend on size, so a claim that held here is evidence of a direction and not of an amount; one that did not hold
    may yet hold there. And tasks built from the run’s own text are kind to a model that was trained on such text.
  </p> `
}
