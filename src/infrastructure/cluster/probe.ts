/**
 * This machine as a device, from what `strata bench probe --json` measured. Its peaks are measured ceilings, not data
 * sheets, so shares of them are shares of what the machine really does.
 */
import { rejectViolations, usageError } from '../../base/errors.ts'
import type { VectorBits } from '../../compute/index.ts'
import type { Cluster } from './clusters.ts'

/** The record under `probe` in the benchmark's document. */
export interface MachineProbe {
  readonly gflopsOneThread: number
  readonly gflopsAllThreads: number
  readonly streamGBs: number
  /** Bits of a vector of the kernels that reached them; without it 128. */
  readonly vectorBits?: VectorBits
}

const fields = ['gflopsOneThread', 'gflopsAllThreads', 'streamGBs'] as const

/**
 * @param text    JSON: {"probe": {…}} as the benchmark prints it, or the record alone
 * @param subject its name in messages
 * @throws UsageError with every field that is missing or absurd
 */
export function parseProbe(text: string, subject = 'probe'): MachineProbe {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw usageError(subject, 'JSON of "strata bench probe --json"', (cause as Error).message, '', cause)
  }
  const outer = (value ?? {}) as Record<string, unknown>
  const record = (typeof outer['probe'] === 'object' && outer['probe'] ? outer['probe'] : outer) as Record<string, unknown>
  const violations = fields
    .filter((field) => !(typeof record[field] === 'number' && record[field] > 0 && record[field] < 1e9))
    .map((field) => `${field}: expected a positive number, got ${JSON.stringify(record[field]) ?? 'nothing'}`)
  if (![undefined, 128, 256].includes(record['vectorBits'] as undefined))
    violations.push(`vectorBits: expected 128 or 256, got ${JSON.stringify(record['vectorBits'])}`)
  rejectViolations(subject, violations, 'Make the file with "strata bench probe --json".')
  return {
    gflopsOneThread: Number(record['gflopsOneThread']),
    gflopsAllThreads: Number(record['gflopsAllThreads']),
    streamGBs: Number(record['streamGBs']),
    ...(record['vectorBits'] === 256 && { vectorBits: 256 }),
  }
}

/**
 * A cluster of this one machine.
 *
 * @param probe       measured ceilings
 * @param memoryBytes memory that a plan may use
 * @param threadCount threads that `gflopsAllThreads` was measured with
 */
export function clusterOfMachine(probe: MachineProbe, memoryBytes: number, threadCount: number): Cluster {
  const flops = probe.gflopsAllThreads * 1e9
  const bandwidth = probe.streamGBs * 1e9
  return {
    name: 'this machine',
    device: {
      name: `this machine, ${threadCount} threads`,
      peakFlops: { bf16: flops, fp8: flops, f32: flops },
      memoryBytes,
      memoryBytesPerSecond: bandwidth,
      coreCount: threadCount,
      linkBytesPerSecond: bandwidth,
    },
    deviceCount: 1,
    devicesPerNode: 1,
    networkBytesPerSecond: bandwidth,
    networkLatencySeconds: 0,
    linkLatencySeconds: 0,
    dollarsPerDeviceHour: null,
    topology: null,
  }
}
