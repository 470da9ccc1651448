/**
 * The strokes that figures are made of: strings of SVG, coloured by the classes of the report's style sheet, so that a figure
 * follows the page into the dark and onto paper. One unit is one CSS pixel of the width that a figure is drawn for.
 */
import { escapeText, type Html, raw } from '../html.ts'

/** What every figure says to those who do not see it. */
export interface AlternativeText {
  /** What it shows, in a few words: "Loss over training". */
  readonly title: string
  /** What can be seen in it, in a sentence or two with the numbers that matter. */
  readonly description: string
}

/** Colour by meaning. `one` is this run, `two` its control, the others further series; `published` and `soft` stand back. */
export type Tone = 'one' | 'two' | 'three' | 'four' | 'five' | 'published' | 'soft' | 'ink'

/** Tones of series, in order. */
export const seriesTones: readonly Tone[] = ['one', 'two', 'three', 'four', 'five']

/** Size of the text in figures, in pixels. */
const textSize = 12

/** Height of a line of text. */
export const lineHeight = 16

/** A coordinate with one digit behind the point. */
export const px = (value: number): string => String(Math.round(value * 10) / 10)

/** About the width of a text: sans-serif faces of systems differ, this is one of the wider ones. */
export const textWidth = (text: string, size = textSize): number => text.length * size * 0.58

/** A whole figure. */
export function svg(width: number, height: number, { title, description }: AlternativeText, parts: readonly string[]): Html {
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${px(width)} ${px(height)}" role="img">`
  return raw(`${open}<title>${escapeText(title)}</title><desc>${escapeText(description)}</desc>${parts.join('')}</svg>`)
}

export interface LabelStyle {
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly tone?: Tone
  readonly isBold?: boolean
  /** Whether paper shows around it, where it stands on lines. */
  readonly hasHalo?: boolean
}

/** A line of text; `y` is its baseline. */
export function label(x: number, y: number, text: string, style: LabelStyle = {}): string {
  const { anchor = 'start', tone = 'ink', isBold = false, hasHalo = false } = style
  const classes = [`f-${tone}`, isBold && 'bold', hasHalo && 'halo'].filter(Boolean).join(' ')
  const at = anchor === 'start' ? '' : ` text-anchor="${anchor}"`
  return `<text x="${px(x)}" y="${px(y)}" class="${classes}"${at}>${escapeText(text)}</text>`
}

/** A straight stroke. @param kind class: `axis`, `grid`, or a tone's stroke such as `s-one` */
export function stroke(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return `<path d="M${px(x1)} ${px(y1)}L${px(x2)} ${px(y2)}" class="${kind}"/>`
}

/** A filled box. @param opacity 0..1 */
export function box(x: number, y: number, width: number, height: number, tone: Tone | 'heat', opacity = 1): string {
  const shade = opacity === 1 ? '' : ` fill-opacity="${Math.round(opacity * 100) / 100}"`
  return `<rect x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}" class="f-${tone}"${shade}/>`
}

/** A dot; hollow for what is quoted and was not measured here. */
export function dot(x: number, y: number, radius: number, tone: Tone, isHollow = false): string {
  return `<circle cx="${px(x)}" cy="${px(y)}" r="${px(radius)}" class="${isHollow ? `hollow s-${tone}` : `f-${tone}`}"/>`
}

/**
 * Words broken into lines that are no wider than a width; a word that is wider stands alone.
 *
 * @param width in pixels
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = lines.length > 0 ? `${lines.at(-1)!} ${word}` : word
    if (lines.length > 0 && textWidth(longer) <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** One name with its colour, for a row of names above a figure where there is no room beside the lines. */
export interface KeyEntry {
  readonly name: string
  readonly tone: Tone
  readonly isDashed?: boolean
  readonly isBroad?: boolean
  readonly isFilled?: boolean
}

/** A row of names, broken into as many lines as it needs. → strokes and the height that they take */
export function keyRow(entries: readonly KeyEntry[], left: number, top: number, width: number): { parts: string[]; height: number } {
  const parts: string[] = []
  let x = left
  let y = top
  for (const { name, tone, isDashed = false, isBroad = false, isFilled = false } of entries) {
    const size = 24 + textWidth(name) + 14
    if (x > left && x + size > left + width + 14) {
      x = left
      y += lineHeight
    }
    const kind = `line s-${tone}${isDashed ? ' dashed' : ''}${isBroad ? ' broad' : ''}`
    const sample = isFilled ? box(x, y + 2, 16, 10, tone) : stroke(x, y + 8, x + 18, y + 8, kind)
    parts.push(sample, label(x + 23, y + 12, name, { tone: isFilled ? 'ink' : tone }))
    x += size
  }
  return { parts, height: y - top + lineHeight + 6 }
}
