/** A grid of values as shades, with the numbers in the cells where there is room: needles by depth and length, experts by domain. */
import { extent } from 'd3-array'
import type { Drawing } from '../types.ts'
import { plainNumber } from './axis.ts'
import { type AlternativeText, box, label, lineHeight, stroke, svg, textWidth } from './svg.ts'

export interface HeatMap extends AlternativeText {
  /** What the rows and the columns are. */
  readonly rowTitle: string
  readonly columnTitle: string
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** By row, then column; null where nothing was measured. */
  readonly values: readonly (readonly (number | null)[])[]
  /** What the shade means, with its unit. */
  readonly label: string
  /** Values without shade and with full shade; from the values unless given. */
  readonly from?: number
  readonly to?: number
  readonly format?: (value: number) => string
}

/** The darkest shade: dark enough to stand out, light enough to be written on. */
const fullShade = 0.62

/** A grid of shades. */
export function heatMap(map: HeatMap): Drawing {
  return (width) => {
    const format = map.format ?? plainNumber
    const known = map.values.flat().filter((value) => value !== null)
    const [least = 0, most = 1] = extent(known)
    const [from, to] = [map.from ?? least, map.to ?? most]
    const shadeOf = (value: number) => fullShade * Math.min(1, Math.max(0.04, to === from ? 0.5 : (value - from) / (to - from)))

    const left = Math.max(...map.rows.map((name) => textWidth(name)), 0) + 12
    const top = 2 * lineHeight + 8
    const cellWidth = (width - left) / map.columns.length
    const cellHeight = Math.max(15, Math.min(30, cellWidth))
    const longest = Math.max(...known.map((value) => textWidth(format(value))), 0)
    const withNumbers = longest + 4 <= cellWidth
    const everyColumn = Math.ceil((Math.max(...map.columns.map((name) => textWidth(name)), 0) + 6) / cellWidth)

    const cells = map.values.flatMap((row, rowIndex) =>
      row.flatMap((value, columnIndex) => {
        const [x, y] = [left + columnIndex * cellWidth, top + rowIndex * cellHeight]
        if (value === null) return [label(x + cellWidth / 2, y + cellHeight / 2 + 4, '–', { anchor: 'middle', tone: 'soft' })]
        return [
          box(x, y, cellWidth - 1, cellHeight - 1, 'heat', shadeOf(value)),
          withNumbers ? label(x + cellWidth / 2, y + cellHeight / 2 + 4, format(value), { anchor: 'middle' }) : '',
        ]
      }),
    )
    const bottom = top + map.rows.length * cellHeight
    return svg(width, bottom + lineHeight + 12, map, [
      label(0, top - 6, map.rowTitle),
      label(left + (width - left) / 2, 12, map.columnTitle, { anchor: 'middle' }),
      ...map.columns.map((name, index) =>
        index % everyColumn === 0 ? label(left + (index + 0.5) * cellWidth, top - 6, name, { anchor: 'middle', tone: 'soft' }) : '',
      ),
      ...map.rows.map((name, index) => label(left - 8, top + (index + 0.5) * cellHeight + 4, name, { anchor: 'end', tone: 'soft' })),
      ...cells,
      ...scale(map.label, [from, to], format, left, bottom + 10, width),
    ])
  }
}

/** From the lightest to the darkest shade, with what they mean; as far right as the cells begin, where there is room. */
function scale(
  title: string,
  [from, to]: readonly [number, number],
  format: (value: number) => string,
  left: number,
  y: number,
  width: number,
) {
  const [steps, size] = [8, 9]
  const first = `${title}: ${format(from)}`
  const all = textWidth(first) + 6 + steps * size + 6 + textWidth(format(to))
  const x = Math.max(0, Math.min(left, width - all))
  const begin = x + textWidth(first) + 6
  const end = begin + steps * size
  const shades = Array.from({ length: steps }, (_, index) => fullShade * Math.max(0.04, index / (steps - 1)))
  return [
    label(x, y + 12, first, { tone: 'soft' }),
    ...shades.map((shade, index) => box(begin + index * size, y + 3, size, 10, 'heat', shade)),
    stroke(begin, y + 13, end, y + 13, 'axis'),
    label(end + 6, y + 12, format(to), { tone: 'soft' }),
  ]
}
