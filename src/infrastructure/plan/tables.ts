/** Searches, sweeps and validations as text. */
import { formatBytes, formatCount } from '../../base/format.ts'
import { thousands } from './figures.ts'
import { layoutName } from './layout.ts'
import type { SearchResult } from './search.ts'
import type { ValidationRow } from './validation-row.ts'
import type { WhatIf } from './what-if.ts'

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)))
  const isNumber = head.map((_, column) => rows.every((row) => /^[-+$\d.,% KMBTGiB]*$/.test(row[column])))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd()
  return [head, ...rows].map(line).join('\n')
}

const percent = (value: number) => `${value >= 0 ? '+' : ''}${(value * 100).toFixed(2)} %`
const figure = (value: number | string) =>
  typeof value === 'string' ? value : Number.isInteger(value) ? thousands(value) : String(Number(value.toPrecision(7)))

/** Layouts in order, what binds each, and what would be faster if it fitted. */
export function searchText({ ranked, consideredCount, fittingCount, outOfReach }: SearchResult): string {
  const rows = ranked.map(({ layout, step, memory, tokensPerSecond, boundBy }, index) => [
    String(index + 1),
    step.seconds.toFixed(2),
    formatCount(tokensPerSecond * 86_400),
    formatBytes(memory.total),
    layoutName(layout),
    boundBy,
  ])
  const beyond = outOfReach
    ? `\nOut of reach: ${layoutName(outOfReach.layout)} would take ${outOfReach.seconds.toFixed(2)} s, but needs ${formatBytes(outOfReach.bytesOver)} more memory, most of it ${outOfReach.binds}.`
    : ''
  return `${consideredCount} layouts considered, ${fittingCount} fit, the ${ranked.length} best by closed form simulated:\n\n${table(
    ['', 'step, s', 'tokens/day', 'memory', 'layout', 'bound by'],
    rows,
  )}${beyond}`
}

/** One line a value; what cannot be planned with its reason. */
export function whatIfText({ title, rows, impossible }: WhatIf): string {
  const head = [
    'value',
    'activated',
    'cache B/token',
    'network B/token',
    'exposed, s',
    'step, s',
    'tokens/day',
    'memory',
    'sequences',
    'ms/token',
  ]
  const cells = rows.map((row) => [
    String(row.value),
    formatCount(row.activatedParameters),
    figure(row.cacheBytesPerToken),
    figure(row.networkBytesPerToken),
    row.exposedSeconds.toFixed(2),
    row.stepSeconds.toFixed(2),
    formatCount(row.tokensPerDay),
    formatBytes(row.memoryBytes),
    figure(row.sequencesThatFit),
    (row.secondsPerToken * 1e3).toFixed(1),
  ])
  const refused = impossible.map(({ value, reason }) => `${value}: ${reason}`)
  return [
    `What if: ${title}`,
    'Each column is what the one before leaves: the router sets the traffic, traffic what stays exposed, that the step; the latent sets the cache, that the sequences.',
    '',
    table(head, cells),
    ...(refused.length > 0 ? ['', 'Not possible:', ...refused.map((line) => `  ${line}`)] : []),
  ].join('\n')
}

/** Quantity, formula, ours, published, difference, and a mark where a row does not hold. */
export function validationText(rows: readonly ValidationRow[]): string {
  const cells = rows.map(({ row, quantity, formula, ours, published, difference, isExact, holds, source }) => [
    holds ? '' : 'X',
    row > 37 ? '' : String(row),
    quantity,
    formula.length > 60 ? `${formula.slice(0, 57)}…` : formula,
    figure(ours),
    figure(published),
    difference === null || (isExact && holds) ? 'exact' : percent(difference),
    source,
  ])
  const failed = rows.filter(({ holds }) => !holds)
  const exact = rows.filter(({ isExact }) => isExact).length
  const verdict =
    failed.length === 0
      ? `All ${rows.length} rows hold: ${exact} exact, ${rows.length - exact} within their tolerance.`
      : `${failed.length} of ${rows.length} rows do not hold: ${failed.map(({ quantity }) => quantity).join(', ')}.`
  return `${table(['', '#', 'quantity', 'formula', 'ours', 'published', 'difference', 'source'], cells)}\n\n${verdict}`
}
