/** Every benchmark of `strata bench`, and a run of one from probing to document and text. */
import { formatBandwidth, formatFlops } from '../../base/format.ts'
import type { KernelChoice, Machine, Probe } from '../../compute/index.ts'
import type { Output } from '../output.ts'
import { benchGemm } from './gemm.ts'
import { benchGenerate, type GenerateBenchOptions, generateText } from './generate.ts'
import type { Effort } from './measure.ts'
import { benchOps } from './ops.ts'
import { benchProbe } from './probe.ts'
import { benchReport, reportText } from './report.ts'
import { type BenchResult, resultTable, withHighest } from './result.ts'
import { Rig } from './rig.ts'
import { benchStep, stepText } from './step.ts'
import { benchTokenizer, tokenizerText } from './tokenizer.ts'

/** What one benchmark found: its results, and what it has to say beside the table of them. */
interface Found {
  readonly results: readonly BenchResult[]
  readonly remarks?: string
}

interface Benchmark {
  readonly question: string
  readonly run: (rig: Rig, effort: Effort, output: Output, options: GenerateBenchOptions) => Found | Promise<Found>
}

export const benchmarks = {
  probe: { question: 'the ceilings', run: (rig, effort) => ({ results: benchProbe(rig, effort) }) },
  gemm: {
    question: 'matrix products',
    run: (rig, effort, output) => ({
      results: benchGemm(rig, effort, (step, stepCount) => output.progress({ stage: 'gemm', step, stepCount })),
    }),
  },
  ops: {
    question: 'every op, forward and back',
    run: (rig, effort, output) => ({
      results: benchOps(rig, effort, (step, stepCount) => output.progress({ stage: 'ops', step, stepCount })),
    }),
  },
  step: {
    question: 'a training step',
    run: async (rig, effort) => {
      const result = await benchStep(rig, effort)
      return { results: [result], remarks: stepText(result) }
    },
  },
  generate: {
    question: 'prompts, decoding, rollouts, drafts',
    run: (rig, effort, _output, options) => {
      const results = benchGenerate(rig, effort, options)
      return { results, remarks: generateText(results) }
    },
  },
  report: {
    question: 'the page of a finished run',
    run: (_rig, effort, _output, { folder }) => {
      const results = benchReport(effort, folder)
      return { results, remarks: reportText(results) }
    },
  },
  tokenizer: {
    question: 'training, encoding, decoding',
    run: async (_rig, effort, output) => {
      const results = await benchTokenizer(effort, output.warn)
      return { results, remarks: tokenizerText(results) }
    },
  },
} as const satisfies Record<string, Benchmark>

export type BenchmarkName = keyof typeof benchmarks

/** Whether `name` is one of `benchmarks`. */
export function isBenchmarkName(name: string): name is BenchmarkName {
  return Object.hasOwn(benchmarks, name)
}

/** What `strata bench … --json` prints. */
export interface BenchDocument {
  readonly probe: Pick<Probe, 'gflopsOneThread' | 'gflopsAllThreads' | 'streamGBs'> & Pick<Machine, 'vectorBits'>
  readonly results: readonly BenchResult[]
}

/**
 * Runs one benchmark.
 *
 * @param threads all threads
 * @param options of `generate` and `report`; the others take none
 */
export async function runBenchmark(
  name: BenchmarkName,
  threads: number,
  effort: Effort,
  output: Output,
  options: GenerateBenchOptions = {},
): Promise<{ readonly document: BenchDocument; readonly text: string; readonly kernels: KernelChoice }> {
  const rig = await Rig.start(threads, effort.probeSeconds)
  try {
    const { kernels, vectorBits } = rig.all
    const { results: found, remarks }: Found = await benchmarks[name].run(rig, effort, output, options)
    const results = found.map((result) => withHighest(result, rig.highest(result.threads)))
    const { gflopsOneThread, gflopsAllThreads, streamGBs } = rig.probe
    const onAll = threads === 1 ? '' : `${formatFlops(gflopsAllThreads * 1e9)} on ${threads}, `
    const ceilings = `${formatFlops(gflopsOneThread * 1e9)} on one thread, ${onAll}${formatBandwidth(streamGBs * 1e9)} streamed`
    const text = [
      `this machine at best: ${ceilings}; ${kernels.dialect} kernels, ${kernels.reason}`,
      resultTable(results),
      ...(remarks ? [remarks] : []),
    ]
    return { document: { probe: { gflopsOneThread, gflopsAllThreads, streamGBs, vectorBits }, results }, text: text.join('\n\n'), kernels }
  } finally {
    rig.close()
  }
}
