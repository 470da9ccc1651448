/** What this run's fine-tuning came to: its data, its loss, and the same problems before and after it. */
import { table } from '../blocks.ts'
import { accuracyOf, type Accuracy, beforeSft } from '../findings/accuracies.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { changed, counted, digits, listed, percent } from '../wording.ts'
import { missing } from './placed.ts'

/** How the report calls the stages of post-training. */
export const stageWords: Readonly<Record<string, string>> = {
  pretrain: 'base model',
  'extend-1': 'base model',
  'extend-2': 'base model',
  sft: 'after fine-tuning',
  rl: 'after reinforcement',
  'rl-shuffled': 'control, shuffled rewards',
}

/** Accuracies on all problems, in the order of a run. */
function accuraciesInOrder(run: RunFacts): Accuracy[] {
  return [beforeSft(run), ...['sft', 'rl', 'rl-shuffled'].map((stage) => accuracyOf(run, stage))].filter((found) => found !== null)
}

/** Paragraphs and the table. */
export function fineTuningMeasured(run: RunFacts): Html {
  return html`${data(run)}${loss(run)}${accuracies(run)}${example(run)}`
}

function data(run: RunFacts): Html {
  const data = run.lastOf('sft/data')
  if (!data) return missing('No conversations for fine-tuning were gathered in this run.')
  const largest = Object.entries(data.bySource)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 5)
  const dropped =
    data.droppedTooLong > 0
      ? ` ${counted(data.droppedTooLong, 'conversation')} longer than a row ${data.droppedTooLong === 1 ? 'was' : 'were'} left out.`
      : ''
  const replayed =
    data.replayedRows > 0
      ? ` With each pass went ${counted(data.replayedRows, 'row')} of pre-training text, all of whose tokens count, so that the model goes on reading what it is not to forget.`
      : ''
  return html`<p>
    Fine-tuning read ${counted(data.conversations, 'conversation')} in ${counted(data.rows, 'row')} of ${data.rowLength} tokens. Of their
    ${digits(data.tokens)} tokens ${percent(data.supervisedTokens / Math.max(1, data.tokens))} belong to answers and count. The largest
    sources are ${listed(largest.map(([source, count]) => `${source} (${digits(count)})`))}.${dropped}${replayed}
  </p> `
}

function loss(run: RunFacts): Html {
  const steps = run.steps('sft')
  if (steps.length === 0) return missing('No step of fine-tuning has been taken in this run.')
  const end = Math.max(1, Math.floor(steps.length / 10))
  const over = (part: typeof steps) => part.reduce((sum, step) => sum + step.lossNats, 0) / part.length
  const what = (run.lastOf('sft/data')?.replayedRows ?? 0) > 0 ? 'on answers and replayed text together' : 'on answers'
  return html`<p>
    The loss ${what} ${changed(over(steps.slice(0, end)), over(steps.slice(-end)))} nats a token over ${counted(steps.length, 'step')}
    (means over the first and the last ${counted(end, 'step')}). Part of that is the form alone, which is the same in every answer and
    quickly learnt; how much use the answers are is for the problems to say.
  </p> `
}

/** "by the base model", "after fine-tuning". */
const stageInSentence = (stage: string) =>
  (stageWords[stage] ?? stage).replace('base model', 'by the base model').replace('control, shuffled', 'by the control with shuffled')

function accuracies(run: RunFacts): Html {
  const rows = accuraciesInOrder(run)
  if (rows.length === 0) return missing('The held-out problems were not tried in this run.')
  const finding = `Right answers: ${listed(rows.map(({ stage, accuracy }) => `${percent(accuracy)} ${stageInSentence(stage)}`))}.`
  return table({
    id: 'posttraining-stages',
    columns: [
      { title: 'model' },
      { title: 'right', align: 'end' },
      { title: '95 % interval', align: 'end' },
      { title: 'chance', align: 'end' },
      { title: 'well formed', align: 'end' },
      { title: 'ends', align: 'end' },
      { title: 'tokens', align: 'end' },
    ],
    rows: rows.map(({ stage, accuracy, interval, chance, formatRate, stopRate, meanTokens }) => [
      stageWords[stage] ?? stage,
      percent(accuracy),
      `${(100 * interval.low).toFixed(0)} to ${percent(interval.high)}`,
      percent(chance),
      percent(formatRate),
      percent(stopRate),
      digits(meanTokens),
    ]),
    caption: html`${finding} The same ${rows[0].n} held-out problems for every model, one reply to each,
    ${rows[0].temperature === 0 ? 'the likeliest token at each step' : `drawn at temperature ${rows[0].temperature}`}; chance is what one
    reaches who knows the form of the answers but not the problem.`,
  })
}

/** One problem with what the finished model said, whatever it came to. */
function example(run: RunFacts): Html | null {
  const stage = ['rl', 'sft'].find((name) => run.lastOf('posttraining/sample', (event) => event.stage === name))
  const samples = run
    .latestOf('posttraining/sample', (event) => `${event.stage} ${event.task} ${event.prompt}`)
    .filter((event) => event.stage === stage)
  const [right, wrong] = [samples.find(({ isCorrect }) => isCorrect), samples.find(({ isCorrect }) => !isCorrect)]
  const said = (sample: (typeof samples)[number]) => html`To “${sample.prompt}” it replied <code>${sample.reply.slice(0, 200)}</code>`
  if (!right && !wrong) return null
  return html`<p>
    ${right && html`${said(right)}, which is right. `}${wrong && html`${said(wrong)}, where <code>${wrong.answer}</code> would have been right. `}These
    are the first ${right && wrong ? 'of each kind' : 'problems'} in the order of the tasks, ${stageWords[stage!]}, and not the best ones.
  </p> `
}
