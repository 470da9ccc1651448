/** Numbers as people read them. Data is in SI base units everywhere else; conversion happens here and nowhere else. */
import { usageError } from './errors.ts'

type Scale = readonly (readonly [size: number, unit: string])[]

const binary: Scale = [
  [1, 'B'],
  [2 ** 10, 'KiB'],
  [2 ** 20, 'MiB'],
  [2 ** 30, 'GiB'],
  [2 ** 40, 'TiB'],
]

const decimal: Scale = [
  [1, ''],
  [1e3, 'K'],
  [1e6, 'M'],
  [1e9, 'B'],
  [1e12, 'T'],
]

/** Three digits that count; whole numbers below 1000 without a point, larger ones without decimals. */
function trim(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Number.isInteger(value)) return String(value)
  const rounded = Number(value.toPrecision(3))
  const size = Math.abs(rounded)
  if (size >= 100) return value.toFixed(0)
  return size >= 10 ? rounded.toFixed(1) : size >= 0.01 ? rounded.toFixed(2) : String(rounded)
}

/** The largest unit of which there is one or more, once rounded: 1023.99 KiB is 1 MiB. */
function scaled(value: number, scale: Scale, gap: string): string {
  let text = trim(value) + (scale[0][1] && gap + scale[0][1])
  for (const [size, unit] of scale) {
    const shown = Number((Math.abs(value) / size).toPrecision(3))
    if (shown >= 1 && size > 1) text = `${trim(value / size)}${gap}${unit}`
  }
  return text
}

/** Bytes → "1.25 GiB". */
export const formatBytes = (bytes: number): string => scaled(bytes, binary, ' ')

/** A count → "17.4M", as parameters and tokens are written in the field. */
export const formatCount = (count: number): string => scaled(count, decimal, '')

/** A share 0..1 → "61.3 %". */
export const formatShare = (share: number): string => `${(share * 100).toFixed(1)} %`

/** FLOP per second → "58.3 GFLOP/s" (10^9). */
export const formatFlops = (flopsPerSecond: number): string => `${trim(flopsPerSecond / 1e9)} GFLOP/s`

/** Bytes per second → "21.5 GB/s" (10^9). */
export const formatBandwidth = (bytesPerSecond: number): string => `${trim(bytesPerSecond / 1e9)} GB/s`

/** Seconds → "1h 02m", "3m 05s", "4.2 s", "17 ms", "31 µs"; "unknown" when they are not finite. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'unknown'
  if (seconds < 0) return `-${formatSeconds(-seconds)}`
  if (seconds < 999.5e-6) return seconds === 0 ? '0 s' : `${trim(seconds * 1e6)} µs`
  if (seconds < 0.9995) return `${trim(seconds * 1e3)} ms`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const two = (value: number) => String(value).padStart(2, '0')
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`
}

const secondsOfUnit = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/**
 * "90s", "10m", "2h", "1h30m", "1.5h" → seconds.
 *
 * @param subject what the text was given for, for the message
 * @throws UsageError when the text is not such a time, or not more than zero
 */
export function parseSeconds(text: string, subject: string): number {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*([smhd])\s*/gy)]
  const isWhole = parts.reduce((length, [part]) => length + part.length, 0) === text.trim().length
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * secondsOfUnit[unit as keyof typeof secondsOfUnit], 0)
  if (!isWhole || seconds <= 0)
    throw usageError(subject, 'a time with its unit, above zero', `"${text}"`, 'Write it like 90s, 10m, 2h or 1h30m.')
  return seconds
}
