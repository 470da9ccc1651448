/** Prefill is short of arithmetic, decoding of memory: both on the roofline of this machine. */
import { roofline, type RooflinePoint } from '../figures/index.ts'
import { prefillOverDecode } from '../findings/decode-rounds.ts'
import { atLongest, regimes, ridgeOf } from '../findings/regimes.ts'
import { html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim, FigureBlock } from '../types.ts'
import { digits, times } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

/** How many times the GFLOP/s of decoding prefill must reach. */
const leastRatio = 2

export const twoRegimes: Claim = {
  id: 'inference.two-regimes',
  statement: claimStatements['inference.two-regimes'],
  mechanism: 'src/inference/measure.ts',
  needs: needs('inference/regime'),
  command: 'strata run nano',
  rule: `It holds where, at the same context length, the arithmetic intensity of prefill lies above the machine’s ridge and that of a single decoded token below it, and prefill reaches at least ${leastRatio} times the GFLOP/s by the whole 95 % interval of repeated timings. Where the interval holds that ratio, or timings were not repeated, it is not established.`,
  judge(run) {
    const found = atLongest(run)
    if (!found) return notTested('Prefill and decoding were not both measured at any context length.')
    const { prefill, decode } = found
    const ridge = ridgeOf(run)
    const ratio = prefillOverDecode(run)
    const sentence =
      `At ${prefill.contextLength} tokens, prefill does ${digits(prefill.arithmeticIntensity)} FLOP for each byte at ${digits(prefill.gflops)} GFLOP/s, a single decoded token ${digits(decode.arithmeticIntensity)} at ${digits(decode.gflops)} GFLOP/s and ${digits(decode.gbs)} GB/s ` +
      `(medians of repeated runs); this machine’s ridge lies at ${digits(ridge)} FLOP a byte, and prefill’s arithmetic is ${times(ratio?.value ?? prefill.gflops / decode.gflops)} as fast${ratio ? ` (95 % interval ${digits(ratio.low)} to ${digits(ratio.high)})` : ', without an interval'}.`
    if (prefill.arithmeticIntensity <= ridge || decode.arithmeticIntensity >= ridge) return didNotHold(sentence)
    if (!ratio) return notEstablished(sentence)
    if (ratio.low >= leastRatio) return held(sentence)
    return ratio.high < leastRatio ? didNotHold(sentence) : notEstablished(sentence)
  },
  figure: regimesFigure,
}

/** Both regimes below the ceilings that were probed in the same run; null without measurements. */
function regimesFigure(run: RunFacts): FigureBlock | null {
  const found = atLongest(run)
  if (!found) return null
  const { ceilings } = run.document
  const length = found.decode.contextLength
  const most = regimes(run, 'decode').findLast(({ contextLength, rows }) => contextLength === length && rows > 1)
  const point = (name: string, of: typeof found.prefill, tone: RooflinePoint['tone']): RooflinePoint => ({
    name,
    flopsPerByte: of.arithmeticIntensity,
    gflops: of.gflops,
    tone,
  })
  const points = [
    point(`prefill of ${length}`, found.prefill, 'one'),
    point('decoding, one sequence', found.decode, 'two'),
    ...(most ? [point(`decoding, ${most.rows} sequences`, most, 'three')] : []),
  ]
  const share = (gflops: number) => `${digits((100 * gflops) / ceilings.gflopsAllThreads)} %`
  const finding = `Prefill reaches ${share(found.prefill.gflops)} of the machine’s arithmetic, a single decoded token ${share(found.decode.gflops)}.`
  return {
    id: 'regimes',
    drawing: roofline({
      title: 'Prefill and decoding on the roofline of this machine',
      description: finding,
      ceilings: { gflops: ceilings.gflopsAllThreads, gigabytesPerSecond: ceilings.streamGBs },
      points,
    }),
    caption: html`${finding} Bytes are those that must at least be read, so a model that stays in the processor’s caches may lie above the
    slope, which is the speed of main memory. Both ceilings were probed before the run.`,
  }
}
