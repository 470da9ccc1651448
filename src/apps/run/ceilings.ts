/** This machine's ceilings, probed before a run so that its speed can be said as a share of them. */
import { Machine, type Probe, probeMultiplyAdd, probeStream } from '../../compute/index.ts'

/** Probes for about a second, on machines of their own: the memory that it takes is not the run's. */
export async function probeCeilings(threads: number): Promise<Probe> {
  const one = await Machine.start({ threads: 1 })
  const all = threads === 1 ? one : await Machine.start({ threads })
  try {
    return {
      gflopsOneThread: probeMultiplyAdd(one),
      gflopsAllThreads: probeMultiplyAdd(all),
      streamGBs: probeStream(all),
      threads,
    }
  } finally {
    one.close()
    if (all !== one) all.close()
  }
}
