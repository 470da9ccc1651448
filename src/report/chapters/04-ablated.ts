/** This run's ablations: every paired difference with its interval, beside zero. */
import { cite, figure, figureReference, published } from '../blocks.ts'
import { lossResults, sizeText } from '../claims/ablation-facts.ts'
import { ablationsSeparate } from '../claims/pretraining-ablations.ts'
import { allAblations, leastSeeds } from '../findings/ablation-results.ts'
import { dotPlot } from '../figures/index.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { FigureBlock } from '../types.ts'
import { counted, digits, inCode, listed, signed } from '../wording.ts'
import { missing } from './placed.ts'

/** Text and figure. */
export function ablated(run: RunFacts): Html {
  const results = allAblations(run)
  if (results.length === 0) return missing(`No ablation was run beside this run; ${inCode(ablationsSeparate.command)} adds some.`)
  const drawn = ablationFigure(run)
  const names = [...new Set(results.map(({ name }) => name))]
  const [first] = results
  const few = results.some(({ seeds }) => seeds < leastSeeds)
  return html`<p>
      Beside this run, ${counted(names.length, 'mechanism')} ${names.length === 1 ? 'was' : 'were'} left out or exchanged, in models much
      smaller than it (${listed(names)}; ${sizeText(first)}${drawn ? html`; ${figureReference('ablations')}` : ''}).
      ${few ? 'Their intervals are over held-out rows of single pairs, so they tell two models apart and not yet two mechanisms.' : 'Their intervals are over seeds.'}
      ${undecided(run)} The report’s own ablations of the kind are of far larger models and without intervals: with the MTP module its small
      model took ${published('0.729 bits per byte, as without')}, and answered more of nearly every benchmark rightly; balancing by bias
      alone took ${published('0.724 against 0.727')} with a loss for balance${cite('deepseek-v3', 'tables 4 and 5')}.
    </p>
    ${drawn && figure(drawn)}`
}

/** What it means for a reader that no difference is established; nothing where one is. */
function undecided(run: RunFacts): string {
  const results = finiteLosses(run)
  if (results.length === 0 || results.some(({ verdict }) => verdict !== 'not established')) return ''
  const halves = results.map(({ low, high }) => (high - low) / 2)
  return (
    `None of the differences in loss is established. Depending on the mechanism, an effect of less than ${digits(Math.min(...halves))} to ${digits(Math.max(...halves))} nats a token could not have been seen, ` +
    'so this run is no reason to keep one of these mechanisms, nor to drop one.'
  )
}

const finiteLosses = (run: RunFacts) =>
  lossResults(allAblations(run)).filter(({ difference, low, high }) => [difference, low, high].every((value) => Number.isFinite(value)))

/** Differences in loss beside zero; null where none is finite. */
function ablationFigure(run: RunFacts): FigureBlock | null {
  const results = finiteLosses(run)
  if (results.length === 0) return null
  const decided = results.filter(({ verdict }) => verdict !== 'not established')
  const phrase = (verdict: 'lower' | 'higher') => {
    const those = decided.filter((result) => result.verdict === verdict)
    return those.length > 0 ? `${verdict} ${listed(those.map(({ variant, control }) => `with ${variant} than with ${control}`))}` : null
  }
  const finding =
    decided.length === 0
      ? `None of ${counted(results.length, 'difference')} in loss is established: every interval contains zero.`
      : `The loss is ${listed([phrase('lower'), phrase('higher')].filter((text) => text !== null))}; ${results.length === decided.length ? 'every' : `${decided.length} of ${results.length}`} ${results.length === decided.length ? 'interval excludes' : decided.length === 1 ? 'intervals excludes' : 'intervals exclude'} zero.`
  return {
    id: 'ablations',
    drawing: dotPlot({
      title: 'Paired differences in loss',
      description: finding,
      x: { label: 'loss of the variant less that of its control, nats a token', format: signed },
      reference: { value: 0, name: 'no difference' },
      rows: results.map(({ name, variant, control, difference, low, high }, index) => ({
        name: `${variant} − ${control}`,
        ...(results[index - 1]?.name !== name && { heading: name }),
        value: difference,
        low,
        high,
        tone: low > 0 || high < 0 ? ('one' as const) : ('soft' as const),
      })),
    }),
    caption: html`${finding} Bars are 95 %
    intervals${results.every(({ intervalOver }) => intervalOver === 'seeds') ? ' over seeds' : ', over held-out rows where there are fewer than three seeds'};
    grey ones contain zero.`,
  }
}
