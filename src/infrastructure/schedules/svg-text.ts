/** Text in figures that are written as SVG strings. */

/** Colours of text: plain, and for what is said in passing. */
export const ink = '#20242a'
export const soft = '#6b7178'

export interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly size?: number
  readonly weight?: number
  readonly fill?: string
}

/** A text element; `y` is the baseline. */
export function text(
  x: number,
  y: number,
  words: string,
  { anchor = 'start', size = 12, weight = 400, fill = ink }: TextStyle = {},
): string {
  const at = anchor === 'start' ? '' : ` text-anchor="${anchor}"`
  const bold = weight === 400 ? '' : ` font-weight="${weight}"`
  return `<text x="${px(x)}" y="${px(y)}" font-size="${size}"${at}${bold} fill="${fill}">${escape(words)}</text>`
}

/** A coordinate with two digits. */
export const px = (value: number) => String(Math.round(value * 100) / 100)

/** Words as they may stand in markup. */
export const escape = (words: string) =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
