/** Numbers as people read them. Data is in SI base units everywhere else; conversion happens here and nowhere else. */

const scaled = (value: number, steps: readonly (readonly [number, string])[], fallback: string): string => {
  for (const [size, unit] of steps) if (Math.abs(value) >= size) return `${trim(value / size)} ${unit}`
  return `${trim(value)} ${fallback}`
}

const trim = (value: number): string => {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toFixed(Number.isInteger(value) && Math.abs(value) < 1000 ? 0 : digits)
}

const binary = [
  [2 ** 40, 'TiB'],
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
] as const

const decimal = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'K'],
] as const

/** Bytes → "1.25 GiB". */
export const formatBytes = (bytes: number): string => scaled(bytes, binary, 'B')

/** A count → "17.4M", as parameters and tokens are written in the field. */
export const formatCount = (count: number): string => scaled(count, decimal, '').replace(' ', '').trim()

/** A share 0..1 → "61.3 %". */
export const formatShare = (share: number): string => `${(share * 100).toFixed(1)} %`

/** FLOP per second → "104.2 GFLOP/s". */
export const formatFlops = (flopsPerSecond: number): string => `${trim(flopsPerSecond / 1e9)} GFLOP/s`

/** Bytes per second → "21.5 GB/s" (10^9). */
export const formatBandwidth = (bytesPerSecond: number): string => `${trim(bytesPerSecond / 1e9)} GB/s`

/** Seconds → "1h 02m", "3m 05s", "4.2 s", "17 ms", "31 µs". */
export function formatSeconds(seconds: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)}h ${two((seconds % 3600) / 60)}m`
  if (seconds >= 60) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`
  if (seconds >= 1) return `${seconds.toFixed(1)} s`
  return seconds >= 1e-3 ? `${trim(seconds * 1e3)} ms` : `${trim(seconds * 1e6)} µs`
}
