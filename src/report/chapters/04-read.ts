/** What this run's pre-training measured: its course, bits by domain beside what was read of each, and the longer window. */
import { formatCount } from '../../base/format.ts'
import { mean, shareInterval } from '../../base/statistics.ts'
import { figure, figureReference, published, table, tableReference } from '../blocks.ts'
import { lineChart, type LineSeries } from '../figures/index.ts'
import { domainScores } from '../findings/domain-scores.ts'
import {
  gainOf,
  isAboveGuessing,
  isOneAnswer,
  lastStagedStage,
  measuredWindows,
  needleLengths,
  needlesAt,
  positionsOf,
  stagedAgainstJump,
  type StagedAgainstJump,
  windowStageNames,
  windowStages,
} from '../findings/long-context.ts'
import { domainsRead } from '../findings/mixture-shares.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { plusMinus } from '../share-wording.ts'
import type { FigureBlock } from '../types.ts'
import { changed, counted, digits, listed, nats, percent, signed } from '../wording.ts'
import { missing } from './placed.ts'

/** How calm the run was. */
export function course(run: RunFacts): Html {
  const steps = run.steps('pretrain')
  if (steps.length === 0) return missing('No step of pre-training has been taken in this run.')
  const skipped = run.ofType('training/skipped').filter(({ stage }) => stage === 'pretrain').length
  const { clipNorm } = run.document.recipe.training.optimizer
  const clipped = steps.filter(({ gradientNorm }) => gradientNorm > clipNorm).length
  const { spikes, lasting } = spikesIn(steps.map(({ lossNats }) => lossNats))
  const clippedShare = clipped / steps.length
  return html`<p>
    The loss over pre-training stands in ${figureReference('pretraining-loss')}. Of its ${counted(steps.length, 'step')},
    ${spikes === 0 ? 'none lies' : spikes === 1 ? 'one lies' : `${spikes} lie`} more than a nat above the sixteen
    before${spikes === 0 ? '' : lasting === 0 ? ', and after none of them did the next sixteen stay half a nat higher: the training never lost its way' : `, and after ${lasting} of them the next sixteen stayed half a nat higher, over harder text or in a training that was upset: the trace does not tell`}.
    ${counted(skipped, 'step').replace(/^n/, 'N')} ${skipped === 1 ? 'was' : 'were'} skipped because a loss or a gradient had overflowed,
    and ${percent(clippedShare)} of the gradients were cut to their greatest
    length${clippedShare > 0.9 ? ', so nearly every one counted alike, however long it had been' : ''}.
  </p> `
}

/** Steps whose loss is more than a nat above the mean of the sixteen before, and those of them after which the mean of sixteen stays half a nat up. */
function spikesIn(losses: readonly number[]): { readonly spikes: number; readonly lasting: number } {
  const around = 16
  let [spikes, lasting] = [0, 0]
  for (let i = around; i < losses.length; i++) {
    const before = mean(losses.slice(i - around, i))
    if (losses[i] <= before + 1) continue
    spikes++
    if (i + around < losses.length && mean(losses.slice(i + 1, i + 1 + around)) > before + 0.5) lasting++
  }
  return { spikes, lasting }
}

/** Share of the rows beside bits per byte. */
export function domains(run: RunFacts): Html {
  const read = domainsRead(run)
  const scores = domainScores(run, 'pretrain')
  if (read.length === 0 || scores.length === 0)
    return missing('What was read of each domain, or how well each is predicted, was not measured in this run.')
  const beats = scores.filter(({ bitsPerByte, compressors }) => compressors.xz !== null && bitsPerByte < compressors.xz)
  const [best, worst] = [...scores]
    .sort((a, b) => a.bitsPerByte - b.bitsPerByte)
    .flatMap((score, index, all) => (index === 0 || index === all.length - 1 ? [score] : []))
  const behind = scores.filter(({ bitsPerByte, compressors }) => compressors.xz !== null && bitsPerByte >= compressors.xz)
  const worse =
    behind.length === 0
      ? ''
      : html` On ${listed(behind.map(({ domain }) => domain))} <code>xz</code> is ahead: a program that only looks for repetitions foresees
          such text better than this model, which has little to offer there yet.`
  const again = read.filter(({ passes }) => passes !== null && passes > 1)
  return html`<p>
      ${tableReference('domains-read')} puts what was read beside what was learnt.
      ${again.length === 0 ? 'No text was read twice.' : `Text of ${again.map(({ domain, passes }) => `${domain} was gone through ${digits(passes!)} times`).join(', ')}.`}
      Ease has two sources, how much of a domain was read and how regular it is, and a table cannot part them; that takes models that did
      without one.${worse}
    </p>
    ${table({
      id: 'domains-read',
      columns: [
        { title: 'domain' },
        { title: 'share of rows', align: 'end' },
        { title: 'tokens there are', align: 'end' },
        { title: 'bits per byte', align: 'end' },
        { title: 'xz', align: 'end' },
        { title: 'held-out bytes', align: 'end' },
      ],
      rows: read.map(({ domain, share, tokens }) => {
        const score = scores.find((one) => one.domain === domain)
        return [
          domain,
          share === null ? 'by size' : percent(share),
          tokens === null ? 'unknown' : formatCount(tokens),
          score ? plusMinus(score.bitsPerByte, score.plusMinus) : 'not scored',
          score && score.compressors.xz !== null ? digits(score.compressors.xz) : '–',
          score ? formatCount(score.utf8Bytes) : '–',
        ]
      }),
      caption: html`${best && worst && best !== worst ? `Of the domains ${best.domain} is predicted best and ${worst.domain} worst. ` : ''}In
        ${beats.length} of ${counted(scores.length, 'domain')} the model needs fewer bits a byte than <code>xz</code> on the same text.
        Intervals are 95 %, over rows.`,
    })}`
}

/** The longer window: text, figure and needles. */
export function extension(run: RunFacts): Html {
  if (run.document.recipe.extension === null) return html``
  const stage = lastStagedStage(run)
  const drawn = positionFigure(run)
  if (!stage || !drawn) return missing('The window was to be extended, but losses by position were not measured in this run.')
  const found = stagedAgainstJump(run)
  const jump = found ? farEnd(found) : 'The control that jumps to the last window at once was not measured.'
  return html`<p>
      Losses by position show what a window is worth (${figureReference('extension-positions')}): a model makes use of its context as long
      as the curve keeps falling. ${jump}
    </p>
    ${figure(drawn)}${needles(run)}`
}

/** The far half of the last window after the stages, after the jump and before both. */
function farEnd({ before, staged, jump, gainNats, plusMinus: half, rows }: StagedAgainstJump): string {
  const losses =
    `In the far half of the last window the loss is ${plusMinus(staged.lossNats, staged.plusMinus)} nats after the stages and ` +
    `${plusMinus(jump.lossNats, jump.plusMinus)} after one jump with the same tokens${before ? `; before any extension it was ${plusMinus(before.lossNats, before.plusMinus)}` : ''}.`
  if (!Number.isFinite(half)) return `${losses} That is one row of text, so neither way is established to be better.`
  const isClear = Math.abs(gainNats) > half
  const meaning = isClear
    ? ''
    : ': neither way is established to be better, so nothing in this run speaks for the trouble of a stage between'
  return (
    `${losses} Those intervals hold how much rows of text differ from each other, which all models share. Paired row by row, over the same ` +
    `${rows} rows, the jump’s loss less that of the stages is ${signed(gainNats)} ± ${digits(half)}${meaning}.`
  )
}

/** Loss by position in the longest window, before extension, after its stages and after the jump; null where it was not measured. */
function positionFigure(run: RunFacts): FigureBlock | null {
  const window = measuredWindows(run, 'pretrain').at(-1) ?? measuredWindows(run, lastStagedStage(run) ?? 'pretrain').at(-1)
  if (window === undefined) return null
  const series = windowStages.flatMap((stage): LineSeries[] => {
    const event = positionsOf(run, stage, window)
    if (!event) return []
    const points = event.buckets.map(({ from, to, lossNats }) => [(from + to) / 2, lossNats] as const)
    return [{ name: windowStageNames[stage], points, withDots: true, ...(stage === 'extend-jump' && { isBroad: true }) }]
  })
  if (series.length === 0) return null
  const own = run.document.recipe.training.rowLength
  const [base, last] = [positionsOf(run, 'pretrain', window), positionsOf(run, lastStagedStage(run) ?? '', window)]
  const gain = gainOf(base, last)
  const [from, to] = [base, last].map((event) => event?.buckets.at(-1)?.lossNats ?? null)
  const isClear = gain !== null && Math.abs(gain.gainNats) > gain.plusMinus
  const paired =
    gain && Number.isFinite(gain.plusMinus)
      ? ` (by ${digits(Math.abs(gain.gainNats))} ± ${digits(gain.plusMinus)}, paired over ${gain.rows} rows)`
      : ''
  const finding =
    from === null || to === null || base === last
      ? `Loss by position in a window of ${window} tokens.`
      : isClear
        ? `With the extension, the loss in the far half of ${window} tokens ${changed(from, to, nats)}${paired}.`
        : `That the extension changes the loss in the far half of ${window} tokens is not established: ${digits(from)} before, ${nats(to)} after${paired}.`
  return {
    id: 'extension-positions',
    drawing: lineChart({
      title: `Loss by position in a window of ${window} tokens`,
      description: finding,
      x: { label: 'position in the window, tokens', scale: 'log2' },
      y: { label: 'loss, nats a token' },
      series,
      references: [{ name: `pre-trained window, ${own}`, x: own }],
    }),
    caption: html`${finding} Each point is the mean over one stretch of positions, each twice as long as the one before; the same held-out
    text for all models.`,
  }
}

/** "30 % [18, 45]". */
function cell(found: ReturnType<typeof needlesAt>): string {
  if (!found) return '–'
  const { value, low, high } = shareInterval(found.correct, found.n)
  return `${percent(value)} [${(100 * low).toFixed(0)}, ${(100 * high).toFixed(0)}]`
}

/** Needles found at each length, stage by stage. */
function needles(run: RunFacts): Html {
  const lengths = needleLengths(run)
  const looked = windowStages.flatMap((stage) =>
    lengths.flatMap((length) => {
      const found = needlesAt(run, stage, length)
      return found ? [{ stage, length, ...found }] : []
    }),
  )
  const stages = windowStages.filter((stage) => looked.some((one) => one.stage === stage))
  if (looked.length === 0) return missing('Needles were not looked for in this run.')
  const clear = looked.filter(isAboveGuessing).length
  const [{ n, chance }] = looked
  const meaning = isOneAnswer(run)
    ? html`<p>
        Needles are another matter (${tableReference('needles')}). Every cell has ${looked[0].correct} of ${n}, as many as there are texts:
        just what a model gets that answers all questions of a text alike, whatever stands in it and however long it is. None of these
        answers comes from reading. A lower loss at the far end, where there is one, says that more of the text is used, and not that a fact
        can be fetched from it.
      </p> `
    : null
  const finding = clear === 0 ? 'No needle is found by reading' : `Needles are found in ${clear} of ${counted(looked.length, 'cell')}`
  return html`${meaning}${table({
    id: 'needles',
    columns: [{ title: 'model' }, ...lengths.map((length) => ({ title: `${length} tokens`, align: 'end' as const }))],
    rows: stages.map((stage) => [windowStageNames[stage]].concat(lengths.map((length) => cell(needlesAt(run, stage, length))))),
    caption: html`${finding}: ${clear === 0 ? 'no share lies' : 'there the share lies'} above the ${percent(chance)} of guessing by more
    than 1.96 standard errors. Depths are taken together, ${n} needles a cell; 95 % intervals stand in brackets. The published model finds
    its needles ${published('almost perfectly up to 128K')}, after fine-tuning.`,
  })}`
}
