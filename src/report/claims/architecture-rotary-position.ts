/** Position by rotation: scores that depend on distance alone, and what happens past the trained window. */
import { lineChart } from '../figures/index.ts'
import { html } from '../html.ts'
import type { PositionBucket } from '../../evaluation/index.ts'
import { rotationShift } from '../findings/rotation-shift.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { counted, digits, listed } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

/** Most that shifting both positions may move a score, as a share of the product of lengths: rounding of f32. */
const mostShift = 1e-5

/** Loss by position in the longest window that a stage was tried on; null where it was not. */
export function longestWindow(run: RunFacts, stage: string) {
  return run
    .latestOf('evaluation/position', (event) => `${event.stage}|${event.windowLength}`)
    .filter((event) => event.stage === stage)
    .toSorted((a, b) => b.windowLength - a.windowLength)
    .at(0)
}

/** Mean loss of the buckets that end inside the trained window, from its half on, and of those beyond it. */
export function insideAndBeyond(buckets: readonly PositionBucket[], trained: number) {
  const inside = buckets.find(({ to }) => to === trained)
  const beyond = buckets.at(-1)
  return inside && beyond && beyond.from >= trained ? { inside, beyond } : null
}

export const rotaryPosition: Claim = {
  id: 'architecture.rotary-position',
  statement: claimStatements['architecture.rotary-position'],
  mechanism: 'src/architecture/rope-frequencies.ts',
  needs: needs('evaluation/position'),
  command: 'strata run nano',
  rule: `It holds where shifting query and key together moves a score by at most a hundred-thousandth of the product of their lengths, and before any extension the loss beyond the trained window lies above that inside it, the 95 % intervals apart.`,
  judge(run) {
    const { recipe } = run.document
    const trained = recipe.training.rowLength
    const found = longestWindow(run, 'pretrain')
    const ends = found && insideAndBeyond(found.buckets, trained)
    if (!found || !ends) return notTested('The base model was not tried on a window longer than the one that it was trained on.')
    const shift = rotationShift(recipe.model, found.windowLength, recipe.seed)
    const { inside, beyond } = ends
    const uncertain = !Number.isFinite(inside.plusMinus + beyond.plusMinus)
    const interval = ({ lossNats, plusMinus }: PositionBucket) =>
      `${digits(lossNats)}${Number.isFinite(plusMinus) ? ` ± ${digits(plusMinus)}` : ''} nats`
    const sentence = `Shifting query and key by up to ${shift.farthestShift} positions moves a score by ${digits(shift.largest)} of the product of their lengths at most (${shift.count} cases). Before any extension the loss at positions ${beyond.from} to ${beyond.to} is ${interval(beyond)} against ${interval(inside)} at positions ${inside.from} to ${inside.to} (${counted(found.rows, 'row')}).`
    if (shift.largest > mostShift) return didNotHold(sentence)
    if (uncertain) return notEstablished(sentence)
    const gap = beyond.lossNats - inside.lossNats
    const margin = beyond.plusMinus + inside.plusMinus
    return gap > margin ? held(sentence) : gap < -margin ? didNotHold(sentence) : notEstablished(sentence)
  },
  figure(run) {
    const trained = run.document.recipe.training.rowLength
    const tried = (
      [
        ['pretrain', 'base model'],
        ['extend-1', 'first stage'],
        ['extend-2', 'second stage'],
      ] as const
    ).flatMap(([stage, name]) => {
      const found = longestWindow(run, stage)
      return found ? [{ name, ...found }] : []
    })
    const [base] = tried
    if (!base || base.stage !== 'pretrain') return null
    const ends = insideAndBeyond(base.buckets, trained)
    const last = tried.at(-1)!
    return {
      id: 'loss-by-position',
      drawing: lineChart({
        title: 'Loss by position in the window, before and after context extension',
        description: listed(tried.map(({ name, buckets }) => `${name}: ${digits(buckets.at(-1)!.lossNats)} nats in the last bucket`)) + '.',
        x: { label: 'position, tokens', scale: 'log2' },
        y: { label: 'loss, nats a token' },
        series: tried.map(({ name, buckets }) => ({
          name,
          points: buckets.map(({ from, to, lossNats }) => [middle(from, to), lossNats] as const),
          band: buckets.flatMap(({ from, to, lossNats, plusMinus }) =>
            Number.isFinite(plusMinus) ? [[middle(from, to), lossNats - plusMinus, lossNats + plusMinus] as const] : [],
          ),
        })),
        references: [{ name: 'trained window', x: trained }],
      }),
      caption: html`${ends ? html`Past the window of ${trained} tokens that it was trained on, at positions ${ends.beyond.from} to ${ends.beyond.to}, the base model’s loss is ${digits(ends.beyond.lossNats)} nats; at the end of the window it is ${digits(ends.inside.lossNats)}` : html`Loss of the base model by position`}${
        last.stage === 'pretrain'
          ? null
          : html`; after the ${last.name} of the extension it is ${digits(last.buckets.at(-1)!.lossNats)} at positions
            ${last.buckets.at(-1)!.from} to ${last.buckets.at(-1)!.to}`
      }.
      The same held-out text, ${counted(base.rows, 'row')} of ${base.windowLength}
      tokens${base.rows > 1 ? '; bands are 95 % intervals over rows' : ''}.`,
    }
  },
}

/** Where a bucket of positions stands on a logarithmic axis. */
const middle = (from: number, to: number) => Math.sqrt(Math.max(1, from) * to)
