/** The two lanes inside an overlapped pair as a figure, made like the timeline of a schedule. */
import type { LaneTask, PairOverlap } from './pair-lanes.ts'
import { text } from './svg-text.ts'

const width = 1200
const rowHeight = 44
const rowGap = 10
const margin = { top: 74, right: 24, bottom: 64, left: 124 }

/** Forward light, backward dark; attention, experts, communication by hue. */
const fills: readonly (readonly [part: string, fill: string, ink: string])[] = [
  ['attentionForward', '#bcd5f0', '#20242a'],
  ['attentionBackward', '#3d74b5', '#ffffff'],
  ['attentionWeight', '#7fa6d6', '#20242a'],
  ['mlpForward', '#c4e0bb', '#20242a'],
  ['mlpBackward', '#4b8b3f', '#ffffff'],
  ['mlpWeight', '#8dbb80', '#20242a'],
  ['dispatchForward', '#f6d9a8', '#20242a'],
  ['dispatchBackward', '#b5761a', '#ffffff'],
  ['combineForward', '#f2c3b3', '#20242a'],
  ['combineBackward', '#b4543a', '#ffffff'],
]

const names: Readonly<Record<string, string>> = {
  attentionForward: 'attn F',
  attentionBackward: 'attn B',
  attentionWeight: 'attn W',
  mlpForward: 'mlp F',
  mlpBackward: 'mlp B',
  mlpWeight: 'mlp W',
  dispatchForward: 'disp F',
  dispatchBackward: 'disp B',
  combineForward: 'comb F',
  combineBackward: 'comb B',
  sendForward: 'send',
  sendBackward: 'send',
}

/**
 * @param pair  from `overlapPair`
 * @param scale figures on the axis for one unit of the durations: 1000 and "ms" for durations in seconds
 * @param wall  what the pair takes on the clock, in the durations' unit, if launches and waits stretch it
 * @returns an SVG document
 */
export function pairSvg(pair: PairOverlap, scale = 1, unit = '', wall?: number): string {
  const plotWidth = width - margin.left - margin.right
  const height = margin.top + 2 * rowHeight + rowGap + margin.bottom
  const x = (time: number) => margin.left + (time / pair.duration) * plotWidth
  const top = (lane: LaneTask['lane']) => margin.top + (lane === 'compute' ? 0 : rowHeight + rowGap)
  const shown = (value: number) => `${Number((value * scale).toPrecision(4))}${unit && ` ${unit}`}`
  const stretched = wall === undefined ? '' : `, ${shown(wall)} with launches and waits`
  const busyShare = Number(((pair.communicationBusy / pair.duration) * 100).toPrecision(3))

  const blocks = pair.tasks.map(({ name, lane, start, end }) => {
    const [, fill, ink] = fills.find(([part]) => part === name) ?? ['', '#c9ccd0', '#20242a']
    const left = x(start)
    const wide = x(end) - left
    const label = names[name]
    const shape = `<rect x="${left.toFixed(2)}" y="${top(lane)}" width="${wide.toFixed(2)}" height="${rowHeight}" fill="${fill}" stroke="#fff" stroke-width=".8"/>`
    const middle = [left + wide / 2, top(lane) + rowHeight / 2] as const
    if (wide > label.length * 5.6 + 4) return shape + text(middle[0], middle[1] + 4, label, { anchor: 'middle', size: 10.5, fill: ink })
    // Too narrow to be read across: upright, if there is room for that.
    if (wide < 12) return shape
    const turned = text(0, 3.5, label, { anchor: 'middle', size: 10, fill: ink })
    return `${shape}<g transform="translate(${middle[0].toFixed(2)} ${middle[1]}) rotate(-90)">${turned}</g>`
  })
  const lanes = (['compute', 'communication'] as const).map(
    (lane) =>
      text(margin.left - 10, top(lane) + rowHeight / 2 + 4, lane, { anchor: 'end', size: 12 }) +
      `<rect x="${margin.left}" y="${top(lane)}" width="${plotWidth}" height="${rowHeight}" fill="none" stroke="#e4e6e8" stroke-width=".5"/>`,
  )
  const bottom = margin.top + 2 * rowHeight + rowGap
  const axis = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    text(x(share * pair.duration), bottom + 22, shown(share * pair.duration), {
      anchor: share === 1 ? 'end' : 'middle',
      size: 11,
      fill: '#6b7178',
    }),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Helvetica, Arial, sans-serif" role="img">`,
    '<title>Inside an overlapped forward-backward pair</title>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(24, 28, 'Inside an overlapped forward-backward pair', { size: 17, weight: 600 }),
    text(
      24,
      50,
      `${shown(pair.duration)} in all${stretched}   ·   ${shown(pair.exposedCommunication)} of communication exposed   ·   network busy ${busyShare} % of the time`,
      { fill: '#6b7178' },
    ),
    ...lanes,
    ...blocks,
    ...axis,
    text(
      24,
      bottom + 48,
      'F forward of one micro-batch; B backward of another one, for inputs; W for weights. Light is forward, dark is backward.',
      { size: 11, fill: '#6b7178' },
    ),
    '</svg>',
    '',
  ].join('\n')
}
