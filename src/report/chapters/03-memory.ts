/** Chapter 03, memory: what need not be kept, planned for the published run; and this run's heap, forecast and measured. */
import { formatBytes, formatShare } from '../../base/format.ts'
import { savingsWorth } from '../../infrastructure/index.ts'
import { keepingOf, planHeap } from '../../pretraining/index.ts'
import { cite, figureReference, table, tableReference } from '../blocks.ts'
import { differenceText } from '../claims/ablation-facts.ts'
import { notResident } from '../claims/infrastructure-not-resident.ts'
import { publishedPlans } from '../findings/cluster-shapes.ts'
import { memorySavings, type SavingRow } from '../findings/memory-savings.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { digits, inCode, listed, percent } from '../wording.ts'
import { evidence, missing } from './placed.ts'

/** The mechanism. */
export function memory(run: RunFacts): Html {
  return html`<h4>Not keeping</h4>
    <p>
      Whatever a backward pass needs may be kept or made again. V3 makes norms, up-projections of the latents and the experts’ activation
      again, keeps inputs of linear layers in eight bits, moments in sixteen, and the moving average of the weights on the
      host${cite('deepseek-v3', 'sections 3.2.3 and 3.3.3')}. The planner can take each of these away from the published run:
    </p>
    ${publishedSavings(run)}`
}

/** What each saving is worth on the fullest device of the published run. */
function publishedSavings(run: RunFacts): Html {
  const { asBuilt } = publishedPlans()
  const { model, cluster, layout, step, memory: plan } = asBuilt
  const worth = savingsWorth(model, cluster, layout, step.stages)
  const names = {
    recomputeNormsAndUpProjections: 'norms and up-projections made again',
    recomputeSwiglu: 'experts’ activation made again',
    fp8ActivationCache: 'activations kept in FP8',
    bf16Moments: 'moments in BF16',
    emaOnHost: 'moving average on the host',
    sharedEmbeddingAndHead: 'embedding and head shared with MTP',
  } as const satisfies Record<keyof typeof worth, string>
  const rows = (Object.keys(names) as (keyof typeof names)[])
    .map((name) => ({ name: names[name], bytes: worth[name] }))
    .sort((a, b) => b.bytes - a.bytes)
  return table({
    id: 'savings',
    columns: [{ title: 'Saving' }, { title: 'without it, a device needs more', align: 'end' }],
    rows: rows.map(({ name, bytes }) => [name, formatBytes(bytes)]),
    caption: html`On the fullest device of the published run, the largest saving is ${rows[0].name}. Planned, one at a time, beside
    ${formatBytes(plan.total)} with all of
    them${memorySavings(run) ? html`; ${tableReference('savings-of-this-run')} has what they save here` : html``}.`,
  })
}

/** The heap of the run, and what keeping less would save of it. */
export const heap = (run: RunFacts): Html => html`${forecast(run)}${savings(run)}`

function forecast(run: RunFacts): Html {
  const { recipe } = run.document
  const plan = planHeap(recipe.model, recipe.training)
  const last = run.steps('pretrain').at(-1)
  if (!last)
    return missing(`The heap of this run was forecast at ${formatBytes(plan.total)}; no step was taken that could have measured it.`)
  const parts = html`${formatShare(plan.parameters / plan.total)} weights, gradients and moments,
  ${formatShare(plan.activations / plan.total)} activations that wait for the backward pass, and ${formatShare(plan.passing / plan.total)}
  what comes and goes`
  const gap = last.heapBytes / plan.total - 1
  return html`<h4>Memory, forecast and measured</h4>
    <p>
      Before pre-training the heap was forecast at ${formatBytes(plan.total)}: ${parts}. Its high-water mark was
      ${formatBytes(last.heapBytes)}, ${percent(Math.abs(gap))} ${gap < 0 ? 'below' : 'above'} the forecast. ${kept(run)}
    </p> `
}

/** What the run itself kept. */
function kept({ document: { recipe } }: RunFacts): string {
  const { recompute, activations } = keepingOf(recipe.training)
  const { moments, averageIn } = recipe.training.optimizer
  const saved = [
    ...(recompute ? ['made norms and up-projections again'] : []),
    ...(activations === 'fp8' ? ['kept inputs of linear layers in eight bits'] : []),
    ...(moments === 'bf16' ? ['kept moments in sixteen bits'] : []),
    ...(averageIn === 'host' ? ['kept the average of its weights outside the heap'] : []),
  ]
  return saved.length === 0 ? 'The run itself kept everything that a backward pass reads, in 32 bits.' : `The run itself ${listed(saved)}.`
}

function savings(run: RunFacts): Html {
  const found = memorySavings(run)
  if (!found) return missing(`What keeping less would save here was not measured; ${inCode(notResident.command)} does it.`)
  const { event, alone, together } = found
  return html`<p>
      Beside the run, ${event.steps} steps of the same model and batch were taken with each saving alone and with all of them, from the same
      weights (${figureReference('savings-measured')}). What is made again is the same number again, bit for bit; what is kept in fewer bits
      is not, so a small model was trained with it as well.
    </p>
    ${evidence(notResident, run)}
    ${table({
      id: 'savings-of-this-run',
      columns: [
        { title: 'Saving' },
        { title: 'predicted', align: 'end' },
        { title: 'measured', align: 'end' },
        { title: 'time of a step, plain = 1', align: 'end' },
        { title: 'held-out loss' },
      ],
      rows: [...alone, together].map((row) => [
        row.title,
        formatBytes(row.predictedBytes),
        formatBytes(row.measuredBytes),
        timeOf(row),
        lossOf(row),
      ]),
      caption: html`All together save ${formatBytes(together.measuredBytes)} of ${formatBytes(event.plain.measuredBytes)} and take
      ${digits(together.saving.stepRatio.median)} times as long. Bytes at the peak of the heap, a moving average among those of the plain
      training; times are medians with quartiles of ${together.saving.stepRatio.pairs} pairs of steps run in turn in one process; losses are
      those of a model of its own, less the plain one’s.`,
    })} `
}

const timeOf = ({ saving: { stepRatio } }: SavingRow) =>
  `${digits(stepRatio.median)} (${digits(stepRatio.lowerQuartile)} to ${digits(stepRatio.upperQuartile)})`

function lossOf({ saving, loss }: SavingRow): string {
  if (loss) return differenceText(loss)
  return saving.hasSameNumbers ? 'the same weights, bit for bit' : 'not trained'
}
