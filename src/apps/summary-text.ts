/** A run's summary as people read it: scores beside compressors, speed beside the machine's ceiling, samples, what to type next. */
import { formatBytes, formatCount, formatFlops, formatSeconds, formatShare } from '../base/format.ts'
import type { Paint } from './colour.ts'
import { commandLine } from './run/commands.ts'
import type { DomainScore, RunSummary } from './summary.ts'
import { formatTable } from './table.ts'

/** Width of the text of samples, in cells. */
const textWidth = 76
const indent = '  '
/** A sample's lines at most: some texts are lists of very short lines. */
const sampleLines = 9

const indented = (text: string, by = indent) =>
  text
    .split('\n')
    .map((line) => (line === '' ? '' : by + line))
    .join('\n')

/**
 * Renders a summary.
 *
 * @param paint marks for the stream that it goes to
 */
export function summaryText(summary: RunSummary, paint: Paint): string {
  const { model, training, scores, samples, warnings } = summary
  const heading = [
    paint.strong(summary.recipe),
    `${formatCount(model.parameters)} parameters, ${formatCount(model.activated)} activated`,
    ...(training ? [`${formatCount(training.tokens)} tokens in ${formatSeconds(training.seconds)}`] : []),
  ].join(' · ')
  const sections = [
    heading,
    ...warnings.map((warning) => `${paint.warning('note:')} ${warning}`),
    ...(scores.length > 0 ? [scoresText(scores, paint)] : []),
    ...(training ? [trainingText(training)] : []),
    ...(laterText(summary) ? [laterText(summary)] : []),
    ...(samples.length > 0 ? [samplesText(samples, paint)] : []),
    nextText(summary, paint),
  ]
  return `\n${sections.map((section) => indented(section)).join('\n\n')}\n`
}

function scoresText(scores: readonly DomainScore[], paint: Paint): string {
  const hasXz = scores.some(({ compressors }) => compressors.xz !== null)
  const rows = scores.map(({ domain, bitsPerByte, plusMinus, utf8Bytes, compressors: { gzip, xz } }) => {
    const isBest = bitsPerByte < Math.min(gzip, xz ?? Infinity)
    const interval = Number.isFinite(plusMinus) ? `±${plusMinus.toFixed(3)}` : ''
    const model = bitsPerByte.toFixed(3)
    return [domain, isBest ? paint.good(model) : model, interval, gzip.toFixed(3), xz === null ? '' : xz.toFixed(3), formatBytes(utf8Bytes)]
  })
  const table = formatTable(
    [
      { title: '' },
      { title: 'model', align: 'right' },
      { title: '' },
      { title: 'gzip -9', align: 'right' },
      { title: hasXz ? 'xz -9' : '', align: 'right' },
      { title: 'of', align: 'right' },
    ],
    rows,
  )
  const absent = hasXz ? '' : ' There is no xz on this machine.'
  const remark = paint.faint(
    `The compressors see the same bytes, each domain as one stream. Interval: 95 %; knowing nothing: 8 bits.${absent}`,
  )
  return `${paint.strong('Bits per byte on held-out text')}, base model; fewer is better\n${indented(`${table}\n${remark}`)}`
}

function trainingText(training: NonNullable<RunSummary['training']>): string {
  const { lossNats, mtpNats, maxViolation } = training
  const change = ({ first, last }: { first: number; last: number }) => `${first.toFixed(2)} → ${last.toFixed(2)}`
  const skipped = training.skippedSteps > 0 ? `, ${training.skippedSteps} skipped` : ''
  return formatTable(
    [{ title: '' }, { title: '' }],
    [
      ['loss', `${change(lossNats)} nats a token${mtpNats ? `; one token further ahead (MTP) ${change(mtpNats)}` : ''}`],
      ['experts', `load MaxVio ${change(maxViolation)}: how far the busiest is above the mean`],
      [
        'speed',
        `${formatCount(Math.round(training.tokensPerSecond))} tokens/s, ${formatFlops(training.gflops * 1e9)}: ${formatShare(training.peakShare)} of this machine's ${formatFlops(training.peakGflops * 1e9)} on ${training.threads} ${training.threads === 1 ? 'thread' : 'threads'}`,
      ],
      ['memory', `${formatBytes(training.peakHeapBytes)} of heap at most, ${formatBytes(training.predictedHeapBytes)} predicted`],
      ['steps', `${training.steps}${skipped}`],
    ],
  )
}

/** What became of the model after pre-training, a line a stage. */
function laterText({ window, accuracy, speculation }: RunSummary): string {
  const number = (value: number) => (value > 0 && value < 0.01 ? (value * 100).toFixed(1) : (value * 100).toFixed(0))
  const share = (value: number) => `${number(value)} %`
  const stages: Readonly<Record<string, string>> = {
    pretrain: 'base',
    sft: 'fine-tuned',
    rl: 'reinforced',
    'rl-shuffled': 'shuffled rewards (control)',
  }
  const scores = accuracy.map(
    ({ stage, accuracy: value, low, high }) => `${stages[stage] ?? stage} ${share(value)} (${number(low)} to ${number(high)})`,
  )
  const [first] = accuracy
  const rows = [
    ...(window.extended > window.trained ? [['window', `${window.trained} → ${window.extended} tokens`]] : []),
    ...(first ? [['problems', `${scores.join(', ')}; chance ${share(first.chance)}, n = ${first.n}`]] : []),
    ...(speculation
      ? [
          [
            'drafts',
            `${share(speculation.acceptedShare)} of the MTP module's are taken; decoding is ${speculation.speedUp.toFixed(2)} times as fast with them${speculation.speedUp < 1 ? ', so do without --speculate' : ''}`,
          ],
        ]
      : []),
  ]
  return rows.length === 0 ? '' : formatTable([{ title: '' }, { title: '' }], rows)
}

function samplesText(samples: RunSummary['samples'], paint: Paint): string {
  const [{ temperature, topP }] = samples
  const pieces = samples.map(({ domain, prompt, text }) => {
    // Prompt and continuation are marked after the lines are broken: marks have no width.
    const whole = wrap(prompt + text, textWidth)
    const marked = markAfter(whole, prompt.replace(/\s+/g, '').length, paint)
    return `${paint.strong(domain)}\n${indented(marked)}`
  })
  return `${paint.strong('Samples')}: it goes on from held-out text (temperature ${temperature}, top-p ${topP})\n${indented(pieces.join('\n\n'))}`
}

/** Breaks text into lines of a width, at most so many; line breaks of the text's own stay. */
function wrap(text: string, width: number): string {
  const lines = text
    .replace(/\t/g, '  ')
    .split('\n')
    .flatMap((line) => line.match(new RegExp(String.raw`.{1,${width}}(?:\s+|$)|.{1,${width}}`, 'gu')) ?? [''])
  const shown = lines.map((line) => line.trimEnd()).slice(0, sampleLines)
  return shown.join('\n') + (lines.length > sampleLines ? ' …' : '')
}

/** What the model wrote stands out: everything before the place after `count` characters that are not blanks is faint. */
function markAfter(text: string, count: number, paint: Paint): string {
  let seen = 0
  let at = 0
  for (; at < text.length && seen < count; at++) if (!/\s/.test(text[at])) seen++
  const faint = text
    .slice(0, at)
    .split('\n')
    .map((line) => (line === '' ? '' : paint.faint(line)))
    .join('\n')
  return faint + text.slice(at)
}

function nextText(summary: RunSummary, paint: Paint): string {
  const { status, run, samples, paths } = summary
  if (status === 'interrupted') return `${paint.strong('Next')}\n${indented(commandLine('pretrain', run, '--resume'))}`
  const prompt = samples[0]?.prompt.split(/\s+/).slice(0, 6).join(' ') ?? 'Once'
  const isFineTuned = summary.accuracy.some(({ stage }) => stage === 'sft')
  const rows = [
    ...(isFineTuned ? [['talk with it', commandLine('chat', run)]] : []),
    // A model that was trained to answer goes on with a text badly; what it was before does not.
    ['go on from a text', commandLine('generate', run, ...(isFineTuned ? ['--stage', 'base'] : []), '--prompt', prompt)],
    ['look inside', commandLine('inspect', run)],
    ['train on your own text', commandLine('run', 'nano', '--data', './docs', '--budget', '30m', '--name', 'mine')],
  ]
  const files = formatTable(
    [{ title: '' }, { title: '' }],
    [
      ...(paths.report ? [[paths.report, 'the technical report of this model: open it in a browser']] : []),
      [`${paths.model}`, 'the model in Hugging Face layout'],
      [paths.events, 'every step, score and sample'],
    ],
  )
  return `${paint.strong('Files')}\n${indented(files)}\n\n${paint.strong('Next')}\n${indented(formatTable([{ title: '' }, { title: '' }], rows))}`
}
