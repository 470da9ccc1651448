/**
 * Devices as data: what one accelerator can do at best. Peaks are dense (no structured sparsity), memory is decimal as on
 * the data sheets, so a plan that fits here fits there.
 *
 * Sources: NVIDIA data sheets of H100, H200 and HGX B200; H800 is an H100 with fewer NVLinks ("Insights into
 * DeepSeek-V3", ISCA 2025, section 4.1), its BF16 peak is the one behind the MFU of that paper's table 4.
 */

export type Precision = 'bf16' | 'fp8' | 'f32'

export interface Device {
  readonly name: string
  /** FLOP/s by precision of the matrix units. */
  readonly peakFlops: Readonly<Record<Precision, number>>
  readonly memoryBytes: number
  readonly memoryBytesPerSecond: number
  /** Streaming multiprocessors; cores of a processor. */
  readonly coreCount: number
  /** One way, to the other devices of its node; as built, not as achieved. */
  readonly linkBytesPerSecond: number
}

const hopper = {
  peakFlops: { bf16: 989e12, fp8: 1979e12, f32: 67e12 },
  coreCount: 132,
  linkBytesPerSecond: 450e9,
} as const

/**
 * A laptop by arithmetic, not by measurement: 8 cores at 3.5 GHz, two 128-bit multiply-adds a cycle (16 FLOP), 16 GB of
 * dual-channel DDR5-5600 (2 x 8 bytes x 5.6e9/s). It has no smaller format, so all precisions run at the f32 rate.
 */
const laptopFlops = 8 * 3.5e9 * 16

export const devices = {
  h800: { name: 'H800', ...hopper, memoryBytes: 80e9, memoryBytesPerSecond: 3.35e12, linkBytesPerSecond: 200e9 },
  h100: { name: 'H100 SXM', ...hopper, memoryBytes: 80e9, memoryBytesPerSecond: 3.35e12 },
  h200: { name: 'H200 SXM', ...hopper, memoryBytes: 141e9, memoryBytesPerSecond: 4.8e12 },
  b200: {
    name: 'B200',
    peakFlops: { bf16: 2250e12, fp8: 4500e12, f32: 75e12 },
    memoryBytes: 180e9,
    memoryBytesPerSecond: 8e12,
    coreCount: 148,
    linkBytesPerSecond: 900e9,
  },
  laptop: {
    name: 'laptop, 8 cores',
    peakFlops: { bf16: laptopFlops, fp8: laptopFlops, f32: laptopFlops },
    memoryBytes: 16e9,
    memoryBytesPerSecond: 89.6e9,
    coreCount: 8,
    linkBytesPerSecond: 89.6e9,
  },
} as const satisfies Readonly<Record<string, Device>>
