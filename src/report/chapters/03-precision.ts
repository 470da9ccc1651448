/** Chapter 03, eight bits: the format and its scales, and what emulating it did to small trainings beside this run. */
import { precisionMetrics } from '../../pretraining/index.ts'
import { cite, formula, published, table, tableReference } from '../blocks.ts'
import { sizeText } from '../claims/ablation-facts.ts'
import { allAblations } from '../findings/ablation-results.ts'
import { lossError, lossErrorText, shareText } from '../findings/precision.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { inCode } from '../wording.ts'
import { missing } from './placed.ts'

/** How it works. */
export function formats(): Html {
  return html`<h4>Eight bits</h4>
    <p>
      FP8 in the form that V3 uses, E4M3, has three bits of mantissa and reaches 448. What makes it serviceable is scaling by small blocks,
      1 × 128 numbers of an activation and 128 × 128 of a weight, each by its largest number, and promoting sums to FP32 every 128 products,
      since the tensor cores themselves keep only about 14 bits${cite('deepseek-v3', 'section 3.3')}:
    </p>
    ${formula(String.raw`\hat x = \operatorname{E4M3}\!\left(\frac{x}{a}\right),\quad a = \frac{\max|x|}{448}, \qquad y \approx \sum_{j} a^x_{j}\,a^w_{j} \sum_{k \in j} \hat x_k \hat w_k`)}
    <p>
      Embedding, head, router, norms and attention’s core stay wide. Published is a loss within ${published('0.25 %')} of that in
      BF16${cite('deepseek-v3', 'appendix B.1')}. Here FP8 is emulated, in ablations only: operands are rounded to what E4M3 keeps of them
      and multiplied in 32 bits. That shows what eight bits do to a training, and nothing of how fast they are
      (<code>src/infrastructure/precision</code>).
    </p> `
}

const command = 'strata ablate fp8-states fp8-parts fp8-products --seeds 3 --run runs/first'

/** What was measured: losses of trainings in FP8, and errors of products. */
export const precisionMeasured = (run: RunFacts): Html =>
  html`<h4>Eight bits, emulated</h4>
    ${losses(run)}${errors(run)}`

function losses(run: RunFacts): Html {
  const arms = new Map(
    allAblations(run)
      .filter(({ name, control }) => name.startsWith('fp8-') && control === 'f32')
      .map((result) => [result.variant, result]),
  )
  if (arms.size === 0) return missing(`No model was trained in FP8 beside this run; ${inCode(command)} does it.`)
  const rows = [...arms.values()].map((result) => {
    const error = lossError(run, result.name, result.variant, 'f32')!
    return [result.variant, result.says.variant, lossErrorText(error)]
  })
  return html`<p>
      ${tableReference('fp8-losses')} holds trainings in FP8 beside one in f32 that began with the same weights and read the same rows
      (${sizeText([...arms.values()][0])}). Each is scored in its own arithmetic.
    </p>
    ${table({
      id: 'fp8-losses',
      columns: [{ title: 'Arm' }, { title: 'what is in FP8' }, { title: 'loss against f32', align: 'end' }],
      rows: [...rows, [published('published'), published('as its policy says, far larger models'), published('less than 0.25 %')]],
      caption: html`Held-out loss after training in emulated FP8, as a difference from that in f32 in percent of it.`,
    })}`
}

function errors(run: RunFacts): Html {
  const events = run.latestOf('ablation/precision', ({ metric, variant }) => `${metric}|${variant}`)
  if (events.length === 0)
    return missing(
      `Errors of single products in FP8 were not measured beside this run; ${inCode('strata ablate fp8-products --run runs/first')} does it.`,
    )
  const [{ batchTokens }] = events
  return html`<p>
      Small errors of arithmetic hardly show in a loss; they show in single products. ${tableReference('fp8-errors')} takes the products of
      a trained model’s linear layers on ${batchTokens} tokens again, from rounded operands. Only gradients of weights sum over so many
      numbers that promotion matters, so it is measured there, in plain loops and not in training${cite('deepseek-v3', 'section 3.3.2')}.
    </p>
    ${table({
      id: 'fp8-errors',
      columns: [
        { title: 'Mean error of' },
        { title: 'done so' },
        { title: 'error', align: 'end' },
        { title: 'instead of' },
        { title: 'error', align: 'end' },
        { title: 'n', align: 'end' },
        { title: 'which is' },
      ],
      rows: events.map(({ metric, variant, control, details, n, verdict }) => [
        metric === precisionMetrics.products ? 'all linear products' : metric.replace(/^error of /, ''),
        variant,
        shareText(details.variant),
        control,
        shareText(details.control),
        n,
        verdict,
      ]),
      caption: html`Errors as shares of the norm of what is exact, means over products or over parameters. The last column says on which
      side of zero the 95 % interval of the paired difference lies.`,
    })}`
}
