/** This run's scores: tasks before and after, what attributes them, contamination, and what the appendices ask for. */
import { cite, figure, figureReference, published, table, tableReference } from '../blocks.ts'
import { appendixSignal } from '../claims/evaluation-appendix-signal.ts'
import { allAblations } from '../findings/ablation-results.ts'
import { domainScores, scoredStages } from '../findings/domain-scores.ts'
import { lossError, lossErrorText } from '../findings/precision.ts'
import { specialisation } from '../findings/specialisation.ts'
import { lastTaskStage, taskChanges, taskScores, type TaskScore } from '../findings/task-scores.ts'
import { dotPlot } from '../figures/index.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { pointsOf } from '../share-wording.ts'
import type { FigureBlock } from '../types.ts'
import { counted, listed, percent } from '../wording.ts'
import { missing } from './placed.ts'

/** V3's base model on what a task is like, and where; null where the report has no such benchmark. */
const publishedScores: readonly (readonly [likeName: RegExp, score: string])[] = [
  [/^hellaswag/i, '88.9 (HellaSwag)'],
  [/^mmlu/i, '87.1 (MMLU)'],
  [/^cruxeval/i, '69.8 (CRUXEval-O)'],
  [/^gsm/i, '89.3 (GSM8K)'],
]

const publishedFor = ({ likeName }: TaskScore) => publishedScores.find(([pattern]) => pattern.test(likeName))?.[1] ?? null

const stageTitles: Readonly<Record<string, string>> = {
  pretrain: 'base model',
  sft: 'after fine-tuning',
  rl: 'after reinforcement',
}

/** Tasks after the first and the last scored stage, and what changed. */
export function scores(run: RunFacts): Html {
  const last = lastTaskStage(run)
  if (last === null) return missing('No task was scored in this run.')
  const drawn = taskFigure(run)
  return html`${aboveChance(run, last)}${drawn && figure(drawn)}${changes(run, last)}${scoreTable(run, last)}${leftOut(run)}${bits(run)}`
}

function aboveChance(run: RunFacts, stage: string): Html {
  const found = taskScores(run, stage)
  const above = found.filter(({ isAboveChance }) => isAboveChance)
  const below = found.filter(({ interval, chance }) => interval[1] < chance)
  const names =
    above.length > 0
      ? `: ${listed(above.map(({ task, accuracy, chance }) => `${task} (${percent(accuracy)}, chance ${percent(chance)})`))}`
      : ''
  const worse =
    below.length > 0
      ? ` Below it ${below.length === 1 ? 'lies' : 'lie'} ${listed(below.map(({ task }) => task))}, which points at a preference for the wrong answers rather than at ignorance.`
      : ''
  const guessed = found.length - above.length - below.length
  const rest =
    guessed === 0
      ? ''
      : ` The ${above.length + below.length > 0 ? 'other ' : ''}${guessed === 1 ? 'one says' : `${guessed} say`} nothing about this model but that it guesses there.`
  return html`<p>
    Of ${counted(found.length, 'task')} scored
    ${stageTitles[stage] ? `on the ${stageTitles[stage].replace('after', 'model after')}` : `after ${stage}`},
    ${counted(above.length, 'lies', 'lie').replace('no lie', 'none lies')} above chance by the whole interval${names}
    (${figureReference('task-scores')}).${worse}${rest}
  </p> `
}

/** Scores of the last stage beside chance, and of the base model where it is another; null without scores. */
function taskFigure(run: RunFacts): FigureBlock | null {
  const last = lastTaskStage(run)
  if (last === null) return null
  const stages = [...new Set(['pretrain', last])]
  const rows = taskScores(run, last).flatMap(({ task, likeName }) =>
    stages.flatMap((stage, index) => {
      const found = taskScores(run, stage).find((score) => score.task === task)
      if (!found) return []
      const { accuracy, interval, chance, correct, n } = found
      return [
        {
          name: stageTitles[stage] ?? stage,
          ...(index === 0 && { heading: `${task}, ${likeName}` }),
          value: accuracy,
          low: interval[0],
          high: interval[1],
          chance,
          tone: stage === last ? ('one' as const) : ('soft' as const),
          text: `${correct} of ${n}`,
        },
      ]
    }),
  )
  const above = taskScores(run, last).filter(({ isAboveChance }) => isAboveChance)
  const finding = `Of ${counted(taskScores(run, last).length, 'task')}, ${counted(above.length, 'lies', 'lie').replace('no lie', 'none lies')} above chance by the whole interval.`
  return {
    id: 'task-scores',
    drawing: dotPlot({
      title: 'Scores of tasks beside chance',
      description: `${finding} ${listed(above.map(({ task, accuracy }) => `${task} ${percent(accuracy)}`))}`.trim(),
      x: { label: 'share of items answered rightly', from: 0, to: 1, format: percent },
      rows,
    }),
    caption: html`${finding} Bars are 95 % intervals (Wilson), upright strokes what is reached without reading the question.`,
  }
}

function changes(run: RunFacts, last: string): Html | null {
  if (last === 'pretrain') return missing('Later stages of this run were not scored, so nothing can be said about what they changed.')
  const found = taskChanges(run, 'pretrain', last)
  const moved = found.filter(({ difference }) => difference.low > 0 || difference.high < 0)
  const fell = moved.some(({ difference }) => difference.high < 0)
  const sentence =
    moved.length === 0
      ? `Between the base model and the last one no score moved by more than its interval (${counted(found.length, 'task')}).`
      : `Between the base model and the last one ${counted(moved.length, 'score')} moved by more than the interval: ${listed(moved.map(({ after, difference }) => `${after.task} ${pointsOf(difference)}`))}.`
  return html`<p>
    ${sentence}${moved.length > 0 ? ' Such a change has many possible causes at once: a longer window, conversations, rewards, and further steps as such.' : ''}${fell ? ' Where a score fell, the model lost something on the way that it could do before.' : ''}
  </p> `
}

function scoreTable(run: RunFacts, last: string): Html {
  const base = taskScores(run, 'pretrain')
  const cell = (score: TaskScore | undefined) =>
    score ? `${percent(score.accuracy)} [${(100 * score.interval[0]).toFixed(0)}, ${(100 * score.interval[1]).toFixed(0)}]` : '–'
  const rows = taskScores(run, last)
  const isOne = last === 'pretrain'
  return table({
    id: 'tasks',
    columns: [
      { title: 'task' },
      { title: 'n', align: 'end' },
      { title: 'chance', align: 'end' },
      { title: 'base model', align: 'end' },
      ...(isOne ? [] : [{ title: 'last model', align: 'end' as const }]),
      { title: 'V3 base, percent', align: 'end', isPublished: true },
    ],
    rows: rows.map((score) =>
      [
        `${score.task}, ${score.likeName}`,
        String(score.n),
        percent(score.chance),
        cell(base.find(({ task }) => task === score.task)),
      ].concat(isOne ? [] : cell(score), publishedFor(score) ?? 'not reported'),
    ),
    caption: html`${scoreFinding(run, last)} Scores with 95 % intervals in brackets. The last column is what the published base model
    reaches on the benchmark that a task is modelled on${cite('deepseek-v3', 'table 3')}: another task, far harder, of which ours has the
    shape only.`,
  })
}

/** What the scores come to, in a sentence. */
function scoreFinding(run: RunFacts, last: string): string {
  const found = taskScores(run, last)
  const above = found.filter(({ isAboveChance }) => isAboveChance)
  const guessed = found.length - above.length
  if (guessed === 0) return `All ${found.length} scores lie above chance.`
  return above.length === 0
    ? 'No score can be told from guessing.'
    : `Only ${listed(above.map(({ task }) => task))} can be told from guessing; ${counted(guessed, 'score')} cannot.`
}

function leftOut(run: RunFacts): Html | null {
  const missing = run.latestOf('evaluation/task-left-out', ({ task }) => task)
  if (missing.length === 0) return null
  return html`<p>Asked for and not made: ${listed(missing.map(({ task, reason }) => `${task} (${reason.replace(/\.$/, '')})`))}.</p> `
}

function bits(run: RunFacts): Html | null {
  if (domainScores(run, 'pretrain').length === 0) return missing('Bits per byte were not measured in this run.')
  const later = scoredStages(run).length > 1 ? ', and what post-training made of them at the end of the chapter before' : ''
  return html`<p>Bits per byte by domain stand in ${tableReference('domains-read')}${later}.</p> `
}

/** Which of the scores an ablation attributes. */
export function attribution(run: RunFacts): Html {
  const metrics = [...new Set(allAblations(run).map(({ metric }) => metric))]
  const names = [...new Set(allAblations(run).map(({ name }) => name))]
  const tasks = run.latestOf('evaluation/task', ({ task }) => task).map(({ task }) => task)
  const attributed = tasks.filter((task) => metrics.includes(task))
  if (names.length === 0) return missing('The run has no ablations, so none of its scores is attributed to any mechanism.')
  return html`<p>
    The ablations beside this run (${listed(names)}) compare ${listed(metrics)}.
    ${
      attributed.length === 0
        ? 'None of them has a score of a task as its measure, so no score above is attributed to a mechanism by this run; where a chapter says that a mechanism helps, it says so of the loss.'
        : `Of the scores above they attribute ${listed(attributed)}; the others are outcomes only.`
    }
  </p> `
}

/** Test items in the training text. */
export function contamination(run: RunFacts): Html {
  const found = run.latestOf('evaluation/contamination', ({ task }) => task)
  if (found.length === 0) return missing('Whether test items stand in the training text was not looked up in this run.')
  const n = found.reduce((sum, one) => sum + one.n, 0)
  const hits = found.filter(({ contaminated }) => contaminated > 0)
  const whole = found.reduce((sum, one) => sum + one.whole, 0)
  const [{ gramWords }] = found
  const last = lastTaskStage(run)
  const scored = last === null ? [] : taskScores(run, last)
  const flattered = hits.filter(({ task }) => scored.some((score) => score.task === task && score.isAboveChance)).map(({ task }) => task)
  const remembered =
    hits.length === 0 || scored.length === 0
      ? ''
      : flattered.length === 0
        ? ' None of these tasks lies above chance, so no score can owe much to it.'
        : ` What was read may be remembered, so ${listed(flattered)} may lie too high.`
  const names =
    hits.length > 0
      ? ` These are ${listed(hits.map(({ task, contaminated, n: of }) => `${contaminated} of ${of} in ${task}`))}; ${whole === 0 ? 'all of them have something new' : `in ${whole} of them nothing is new`}.`
      : ''
  return html`<p>
    Of ${n} test items that were looked for in the training text, ${hits.reduce((sum, one) => sum + one.contaminated, 0)} share
    ${gramWords[0]} words in a row with it, or all of theirs where they are shorter.${names}${remembered} The rule cannot see a fact told in
    other words.
  </p> `
}

/** Specialisation and low precision: what the appendices of the report show. */
export function appendices(run: RunFacts): Html {
  const shown = specialisation(run)
    ? html`The first of the two stands here too: ${figureReference('expert-specialisation')}, below its claim, counts which experts this
      run’s model sends the text of each domain to.`
    : html`The load of experts by domain was not counted in this run.`
  return html`<p>
    Past its benchmarks the report has appendices, and for an engineer they may be its best pages: whether experts specialise, with and
    without a loss for balance, and what FP8 training does when scales are chosen block-wise instead of
    tile-wise${cite('deepseek-v3', 'appendices B and C')}. They vary one thing and show the whole course. ${shown} ${blockScales(run)} The
    published finding is ${published('a loss within 0.25 % of BF16')} with fine-grained scales, and divergence where activation gradients
    were quantised in blocks.
  </p> `
}

/** The other appendix: gradients scaled by blocks of tokens. */
function blockScales(run: RunFacts): Html {
  const blocks = lossError(run, 'fp8-blocks', 'fp8-blocks', 'fp8')
  return blocks
    ? html`For the second, small models were trained beside this run in emulated FP8: with gradients scaled by blocks of 128 tokens the loss
      differs from that with tiles by ${lossErrorText(blocks)}.`
    : html`The second was not tested in this run; <code>${appendixSignal.command}</code> adds it.`
}
