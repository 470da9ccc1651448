/**
 * The machines that a benchmark runs on, one thread and all threads, and how fast each was seen to be at best.
 *
 * A virtual machine's clock wanders by tens of per cent within minutes, so a ceiling is a property of the seconds around
 * a measurement: it is probed again for each group, and sampled between the group's own samples.
 */
import { Machine, type Probe, probeMultiplyAdd, probeStream } from '../../compute/index.ts'

/** What one machine of the rig can do at best; rates are 10^9 a second. */
export interface Ceiling {
  readonly gflops: number
  readonly streamGBs: number
}

/** Seconds of one look between two samples. */
const glanceSeconds = 0.003

const higher = (a: Ceiling, b: Ceiling): Ceiling => ({
  gflops: Math.max(a.gflops, b.gflops),
  streamGBs: Math.max(a.streamGBs, b.streamGBs),
})

/** The highest ceiling within a stretch of time. */
export interface Watch {
  /** A short look, between two samples. */
  readonly glance: () => void
  /** A last look; the highest figures since the watch began. */
  readonly end: () => Ceiling
}

/** Both machines; what they can do is watched while they measure. */
export class Rig {
  /** One thread first; a single machine where one thread is all there is. */
  readonly machines: readonly Machine[]
  readonly #highest = new Map<Machine, Ceiling>()
  readonly #probeSeconds: number

  private constructor(machines: readonly Machine[], probeSeconds: number) {
    this.machines = machines
    this.#probeSeconds = probeSeconds
    for (const machine of machines) this.#probe(machine)
  }

  /**
   * Starts the machines and probes them.
   *
   * @param threads      all threads
   * @param probeSeconds of one look at a machine's ceiling, for each of its two figures
   */
  static async start(threads: number, probeSeconds: number): Promise<Rig> {
    const one = await Machine.start({ threads: 1 })
    return new Rig(threads === 1 ? [one] : [one, await Machine.start({ threads })], probeSeconds)
  }

  /** The machine with all threads. */
  get all(): Machine {
    return this.machines.at(-1)!
  }

  #keep(machine: Machine, seen: Ceiling): Ceiling {
    this.#highest.set(machine, higher(this.#highest.get(machine) ?? seen, seen))
    return seen
  }

  #probe(machine: Machine): Ceiling {
    return this.#keep(machine, {
      gflops: probeMultiplyAdd(machine, this.#probeSeconds),
      streamGBs: probeStream(machine, this.#probeSeconds),
    })
  }

  /** Takes note of figures that were measured elsewhere. */
  saw(machine: Machine, seen: Ceiling): void {
    this.#keep(machine, seen)
  }

  /** Probes `machine` now and begins to watch its ceiling. */
  watch(machine: Machine): Watch {
    let highest = this.#probe(machine)
    return {
      glance: () => {
        highest = higher(highest, { gflops: probeMultiplyAdd(machine, glanceSeconds), streamGBs: 0 })
      },
      end: () => {
        highest = higher(highest, this.#probe(machine))
        this.#keep(machine, highest)
        return highest
      },
    }
  }

  /** The highest figures so far of the machine with that many threads. */
  highest(threads: number): Ceiling {
    return this.#highest.get(threads === 1 ? this.machines[0] : this.all)!
  }

  /** The highest figures of the whole run: what is printed as the machine's ceiling. */
  get probe(): Probe {
    const { threads } = this.all
    const all = this.highest(threads)
    return { gflopsOneThread: this.highest(1).gflops, gflopsAllThreads: all.gflops, streamGBs: all.streamGBs, threads }
  }

  /** Ends the machines' threads. */
  close(): void {
    for (const machine of this.machines) machine.close()
  }
}
