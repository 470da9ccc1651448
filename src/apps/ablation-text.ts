/** Results of ablations as tables: what each arm came to, and the differences that decide. */
import { formatBytes, formatCount } from '../base/format.ts'
import {
  type AblationDifference,
  type AblationEvent,
  ablationList,
  type AblationResultEvent,
  type ArmNumbers,
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

function differenceTable(events: readonly AblationEvent[], paint: Paint): string {
  const rows = events.map((event) => [
    `  ${event.variant} less ${event.control}`,
    event.type === 'ablation/result' && event.domain !== null ? `${event.metric} on ${event.domain}` : event.metric,
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

/** What an interval over pieces of text leaves out. */
const caution = (events: readonly AblationEvent[]) =>
  events.some(({ intervalOver }) => intervalOver === 'rows' || intervalOver === 'batches')
    ? '\n\nIntervals over rows or batches say whether these two trained models differ on held-out text; other seeds may differ by more. --seeds 3 puts the interval over seeds.'
    : ''

/** All results, ablation by ablation. */
export function ablationText(events: readonly AblationEvent[], paint: Paint): string {
  const names = [...new Set(events.map(({ name }) => name))]
  const sections = names.map((name) => {
    const own = events.filter((event) => event.name === name)
    const results = own.filter((event) => event.type === 'ablation/result')
    const [{ base, wasCached }] = own
    const size = `width ${base.width}, ${base.layerCount} layers, rows of ${base.rowLength}${results[0] ? `, ${formatCount(results[0].tokens)} tokens a run, ${results[0].seeds} ${results[0].seeds === 1 ? 'seed' : 'seeds'}` : ''}`
    const heading = `${paint.strong(name)}  ${ablationList.find((ablation) => ablation.name === name)!.question}\n  ${size}${wasCached ? '; from the cache' : ''}`
    return [heading, ...(results.length > 0 ? [armTable(results)] : []), differenceTable(own, paint)].join('\n\n')
  })
  return sections.join('\n\n') + caution(events)
}

/** The ablations that there are, with their questions and claims. */
export function ablationListText(paint: Paint): string {
  return ablationList
    .map(({ name, question, claims }) => `${paint.strong(name)}  ${question}\n  ${paint.faint(claims.join(', '))}`)
    .join('\n')
}
