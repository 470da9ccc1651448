/** Results of ablations as tables: what each arm came to, and the differences that decide. */
import { formatBytes, formatCount, formatSeconds } from '../base/format.ts'
import {
  type AblationDifference,
  type AblationEvent,
  ablationList,
  type AblationResultEvent,
  type ArmNumbers,
  type DifferenceEvent,
  type MemoryEvent,
} from '../pretraining/index.ts'
import type { Paint } from './colour.ts'
import { formatTable } from './table.ts'

const right = (title: string) => ({ title, align: 'right' as const })

const signed = (value: number) => (Number.isFinite(value) ? `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}` : brokenText(value))

const brokenText = (value: number) => (Number.isNaN(value) ? 'both broke' : value > 0 ? 'variant broke' : 'control broke')

/** Each arm of an ablation once, in the order of the results. */
function armsOf(results: readonly AblationResultEvent[]): Map<string, ArmNumbers> {
  const arms = new Map<string, ArmNumbers>()
  for (const { variant, control, details } of results) {
    if (!arms.has(variant)) arms.set(variant, details.variant)
    if (!arms.has(control)) arms.set(control, details.control)
  }
  return arms
}

function armTable(results: readonly AblationResultEvent[]): string {
  const rows = [...armsOf(results)].map(([name, arm]) => [
    `  ${name}`,
    arm.brokeAtStep === null ? arm.lossNats.toFixed(4) : `broke at step ${arm.brokeAtStep}`,
    arm.maxViolation === null ? '' : arm.maxViolation.toFixed(2),
    formatCount(arm.parameters),
    formatCount(arm.activated),
    formatBytes(arm.cacheBytesPerToken),
  ])
  return formatTable(
    [{ title: '  arm' }, right('loss, nats'), right('MaxVio'), right('parameters'), right('activated'), right('cache a token')],
    rows,
  )
}

const overWhat = ({ n, intervalOver }: AblationDifference) => `${n} ${intervalOver}`

/** A verdict in its colour: what is not established stands back. */
const verdictText = ({ verdict }: AblationDifference, paint: Paint) =>
  verdict === 'not established' ? paint.faint(verdict) : paint.good(verdict)

/** What a difference is of; errors of products with both means. */
function measureOf(event: DifferenceEvent): string {
  if (event.type === 'ablation/result') return event.domain === null ? event.metric : `${event.metric} on ${event.domain}`
  if (event.type === 'ablation/accumulation') return event.metric
  const { variant, control } = event.details
  return `${event.metric}, ${(100 * variant).toPrecision(2)} % against ${(100 * control).toPrecision(2)} %`
}

function differenceTable(events: readonly DifferenceEvent[], paint: Paint): string {
  const rows = events.map((event) => [
    `  ${event.variant} less ${event.control}`,
    measureOf(event),
    signed(event.difference),
    Number.isFinite(event.low) ? `${signed(event.low)} … ${signed(event.high)}` : '',
    overWhat(event),
    verdictText(event, paint),
  ])
  return formatTable(
    [{ title: '  difference' }, { title: 'of' }, right('value'), right('95 % interval'), { title: 'over' }, { title: 'verdict' }],
    rows,
  )
}

/** Peak of the heap and time of a step, setting by setting: less than the plain training's is negative. */
function memoryTable({ plain, savings }: MemoryEvent): string {
  const less = (bytes: number, whole: number) => `${bytes > whole ? '+' : '−'}${formatBytes(Math.abs(bytes - whole))}`
  const rows = savings.map(({ name, predictedBytes, measuredBytes, outsideBytes, hasSameNumbers, stepRatio }) => [
    `  ${name}`,
    less(predictedBytes, plain.predictedBytes),
    less(measuredBytes, plain.measuredBytes),
    formatBytes(measuredBytes),
    outsideBytes > 0 ? formatBytes(outsideBytes) : '',
    `${stepRatio.median.toFixed(3)} (${stepRatio.lowerQuartile.toFixed(3)} … ${stepRatio.upperQuartile.toFixed(3)})`,
    hasSameNumbers ? 'the same bits' : 'other numbers',
  ])
  return formatTable(
    [
      { title: '  saving' },
      right('predicted'),
      right('measured'),
      right('peak'),
      right('outside'),
      right('step, times plain (quartiles)'),
      { title: 'weights' },
    ],
    rows,
  )
}

/** What was measured, and beside what. */
function memoryText(event: MemoryEvent): string {
  const { base, parameters, rowsAtOnce, plain, savings } = event
  const size = `Measured on the recipe’s own model: width ${base.width}, ${base.layerCount} layers, ${formatCount(parameters)} parameters, ${rowsAtOnce} rows of ${base.rowLength} at once.`
  const beside = `A plain training peaks at ${formatBytes(plain.measuredBytes)} (${formatBytes(plain.predictedBytes)} predicted) and takes ${formatSeconds(plain.stepSeconds)} a step; ${savings[0].stepRatio.pairs} pairs of steps each, in turn.`
  return `  ${size}\n  ${beside}\n\n${memoryTable(event)}`
}

/** What an interval over pieces of text leaves out. */
const caution = (events: readonly DifferenceEvent[]) =>
  events.some(({ intervalOver }) => intervalOver === 'rows' || intervalOver === 'batches')
    ? '\n\nIntervals over rows or batches say whether these two trained models differ on held-out text; other seeds may differ by more. --seeds 3 puts the interval over seeds.'
    : ''

/** All results, ablation by ablation. */
export function ablationText(events: readonly AblationEvent[], paint: Paint): string {
  const names = [...new Set(events.map(({ name }) => name))]
  const sections = names.map((name) => {
    const own = events.filter((event) => event.name === name)
    const differences = own.filter((event) => event.type !== 'ablation/memory')
    const memory = own.filter((event) => event.type === 'ablation/memory')
    const results = own.filter((event) => event.type === 'ablation/result')
    const [{ base, wasCached }] = differences
    const size = `width ${base.width}, ${base.layerCount} layers, rows of ${base.rowLength}${results[0] ? `, ${formatCount(results[0].tokens)} tokens a run, ${results[0].seeds} ${results[0].seeds === 1 ? 'seed' : 'seeds'}` : ''}`
    const heading = `${paint.strong(name)}  ${ablationList.find((ablation) => ablation.name === name)!.question}\n  ${size}${wasCached ? '; from the cache' : ''}`
    const tables = [...memory.map(memoryText), ...(results.length > 0 ? [armTable(results)] : []), differenceTable(differences, paint)]
    return [heading, ...tables].join('\n\n')
  })
  return sections.join('\n\n') + caution(events.filter((event) => event.type !== 'ablation/memory'))
}

/** The ablations that there are, with their questions and claims. */
export function ablationListText(
  list: readonly Pick<(typeof ablationList)[number], 'name' | 'question' | 'claims'>[],
  paint: Paint,
): string {
  return list.map(({ name, question, claims }) => `${paint.strong(name)}  ${question}\n  ${paint.faint(claims.join(', '))}`).join('\n')
}
