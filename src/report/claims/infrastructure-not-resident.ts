/** What need not stay in memory: the heap with each saving, beside its forecast and beside a training that keeps everything. */
import { formatBytes } from '../../base/format.ts'
import { barChart } from '../figures/index.ts'
import { memorySavings, type SavingRow } from '../findings/memory-savings.ts'
import { html } from '../html.ts'
import type { Claim } from '../types.ts'
import { digits, listed, percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs } from './verdicts.ts'

/** How far the saving of all together may be from its forecast, as a share of it. */
const allowedGap = 0.15

const less = (bytes: number) => `${formatBytes(Math.abs(bytes))} ${bytes >= 0 ? 'less' : 'more'}`

const isFaithful = ({ saving }: SavingRow) => saving.changesNumbers || saving.hasSameNumbers

export const notResident: Claim = {
  id: 'infrastructure.not-resident',
  statement: claimStatements['infrastructure.not-resident'],
  mechanism: 'src/compute/keeping.ts',
  needs: needs('ablation/memory'),
  command: 'strata ablate memory --run runs/first',
  rule: `It holds where recomputation, an FP8 cache of activations, BF16 moments and an average kept elsewhere each lower the measured peak of the heap, all together lower it by what was predicted to within ${percent(allowedGap)} of that, and recomputation and the average elsewhere leave every weight as it was.`,
  judge(run) {
    const { event, alone, together } = memorySavings(run)!
    const { median, lowerQuartile, upperQuartile, pairs } = together.saving.stepRatio
    const gap = together.measuredBytes / together.predictedBytes - 1
    const isWhole = alone.every(({ measuredBytes }) => measuredBytes > 0) && together.measuredBytes > 0 && Math.abs(gap) <= allowedGap
    const all = [...alone, together]
    const faithful = all.every(isFaithful)
      ? 'what is to change no weight changed none'
      : `weights changed that were to stay (${listed(all.filter((row) => !isFaithful(row)).map(({ title }) => title))})`
    const sentence = `Training with everything kept takes ${formatBytes(event.plain.measuredBytes)} of heap; with all four savings it takes ${less(together.measuredBytes)} (predicted: ${less(together.predictedBytes)}), alone ${listed(alone.map(({ title, measuredBytes }) => `${less(measuredBytes)} with ${title}`))}; ${faithful}; a step with all of them takes ${digits(median)} times as long (quartiles ${digits(lowerQuartile)} and ${digits(upperQuartile)} of ${pairs} pairs run in turn).`
    return isWhole && all.every(isFaithful) ? held(sentence) : didNotHold(sentence)
  },
  figure(run) {
    const found = memorySavings(run)
    if (!found) return null
    const rows = [...found.alone, found.together]
    return {
      id: 'savings-measured',
      drawing: barChart({
        title: 'Bytes less at the peak of the heap, predicted and measured, by saving',
        description: `${listed(rows.map(({ title, predictedBytes, measuredBytes }) => `${title}: ${less(predictedBytes)} predicted, ${less(measuredBytes)} measured`))}.`,
        x: { label: 'MiB less at the peak' },
        rows: rows.flatMap(({ title, predictedBytes, measuredBytes }) => [
          { heading: title, name: 'predicted', value: predictedBytes / 2 ** 20, tone: 'soft' as const, text: formatBytes(predictedBytes) },
          { name: 'measured', value: measuredBytes / 2 ** 20, tone: 'one' as const, text: formatBytes(measuredBytes) },
        ]),
      }),
      caption: html`All four together take ${percent(found.together.measuredBytes / found.event.plain.measuredBytes)} off the peak of a
      training that keeps everything. The run’s own model and batch; each peak is the heap’s own count over ${found.event.steps} steps.`,
    }
  },
}
