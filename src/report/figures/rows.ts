/** Figures that have one thing a row: names at the left where there is room, above their row where there is none. */
import { label, lineHeight, textWidth, wrap } from './svg.ts'

/** What a row is called. */
export interface NamedRow {
  readonly name: string
  readonly heading?: string
}

/** Where the rows of a figure are. */
export interface RowLayout {
  /** Names and headings. */
  readonly parts: readonly string[]
  /** Middle of each row. */
  readonly middles: readonly number[]
  /** Baseline of the text at the right of each row. */
  readonly baselines: readonly number[]
  /** Ends of the area between names and texts. */
  readonly left: number
  readonly right: number
  readonly bottom: number
}

/** What a figure's rows need. */
export interface RowRoom {
  /** Above the rows, in pixels. */
  readonly top: number
  readonly rowHeight: number
  /** Whether texts stand beside their marks and not at the right edge: then they need room there on a narrow figure too. */
  readonly areTextsBesideMarks?: boolean
}

/** Height of a line of a name that is broken into several. */
const nameLine = lineHeight - 2

/** Below this width names and texts stand above their rows. */
const narrow = 440

/**
 * Places rows.
 *
 * @param texts what stands at the right of each row
 * @param width of the figure, in pixels
 */
export function rowLayout(rows: readonly NamedRow[], texts: readonly string[], width: number, room: RowRoom): RowLayout {
  const { top, rowHeight, areTextsBesideMarks = false } = room
  const isNarrow = width < narrow
  const areTextsAbove = isNarrow && !areTextsBesideMarks
  const textRoom = Math.max(0, ...texts.map((text) => textWidth(text))) + 14
  const right = width - (areTextsAbove ? 14 : textRoom)
  const widest = Math.max(...rows.map(({ name }) => textWidth(name))) + 14
  const left = isNarrow ? 6 : Math.min(widest, width * 0.34)
  const nameRoom = isNarrow ? width - (areTextsAbove ? textRoom : 0) : left - 14
  const parts: string[] = []
  const middles: number[] = []
  const baselines: number[] = []
  let y = top
  for (const { name, heading } of rows) {
    if (heading !== undefined) {
      if (y > top) y += 8
      parts.push(label(0, y + 12, heading, { isBold: true, hasHalo: true }))
      y += lineHeight + 2
    }
    const lines = wrap(name, nameRoom)
    const nameHeight = lines.length * nameLine
    const height = isNarrow ? rowHeight : Math.max(rowHeight, nameHeight + 2)
    const firstLine = isNarrow ? y + 12 : y + (height - nameHeight) / 2 + 11
    lines.forEach((line, index) => {
      const style = { anchor: isNarrow ? 'start' : 'end', hasHalo: isNarrow } as const
      parts.push(label(isNarrow ? 0 : left - 12, firstLine + index * nameLine, line, style))
    })
    if (isNarrow) y += nameHeight
    middles.push(y + height / 2)
    baselines.push(areTextsAbove ? firstLine : y + height / 2 + 4)
    y += height
  }
  return { parts, middles, baselines, left, right, bottom: y + 4 }
}
