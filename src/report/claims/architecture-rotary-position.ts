/** Position by rotation: scores that depend on distance alone, and what happens past the trained window. */
import { lineChart } from '../figures/index.ts'
import { html } from '../html.ts'
import type { PositionBucket } from '../../evaluation/index.ts'
import { measuredWindows, positionsOf } from '../findings/long-context.ts'
import { rotationShift } from '../findings/rotation-shift.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { counted, digits, listed } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

/** Most that shifting both positions may move a score, as a share of the product of lengths: rounding of f32. */
const mostShift = 1e-5

/** Loss of the base model by position in the longest window that it was tried on; null where it was not. */
export function longestWindow(run: RunFacts) {
  const window = measuredWindows(run, 'pretrain').at(-1)
  return window === undefined ? null : positionsOf(run, 'pretrain', window)
}

/** The bucket that ends with the trained window, and the last one beyond it: of other tokens of the same rows. */
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
    const found = longestWindow(run)
    const ends = found && insideAndBeyond(found.buckets, trained)
    if (!found || !ends) return notTested('The base model was not tried on a window longer than the one that it was trained on.')
    const shift = rotationShift(recipe.model, found.windowLength, recipe.seed)
    const { inside, beyond } = ends
    const uncertain = !Number.isFinite(inside.plusMinus + beyond.plusMinus)
    const sentence = `Shifting query and key by up to ${shift.farthestShift} positions moves a score by ${digits(shift.largest)} of the product of their lengths at most (${shift.count} cases). Before any extension the loss at positions ${beyond.from} to ${beyond.to} is ${lossAt(beyond)} against ${lossAt(inside)} at positions ${inside.from} to ${inside.to} (${counted(found.rows, 'row')}).`
    if (shift.largest > mostShift) return didNotHold(sentence)
    if (uncertain) return notEstablished(sentence)
    const gap = beyond.lossNats - inside.lossNats
    const margin = beyond.plusMinus + inside.plusMinus
    return gap > margin ? held(sentence) : gap < -margin ? didNotHold(sentence) : notEstablished(sentence)
  },
  figure(run) {
    const trained = run.document.recipe.training.rowLength
    const tried = measuredWindows(run, 'pretrain').map((window) => positionsOf(run, 'pretrain', window)!)
    const longest = tried.at(-1)
    if (!longest) return null
    const ends = longest.windowLength > trained ? insideAndBeyond(longest.buckets, trained) : null
    const drawn = tried.map(({ windowLength, rows, buckets }) => ({
      name: `rows of ${windowLength}`,
      rows,
      // What is inside the window is known best from the many short rows; longer ones are drawn from the end of it on.
      buckets: windowLength > trained ? buckets.filter(({ to }) => to >= trained) : buckets,
    }))
    const finding = ends
      ? `In rows of ${longest.windowLength} tokens the base model’s loss is ${lossAt(ends.inside)} at positions ${ends.inside.from} to ${ends.inside.to}, at the end of the window that it was trained on, and ${lossAt(ends.beyond)} at positions ${ends.beyond.from} to ${ends.beyond.to}.`
      : 'Loss of the base model by position.'
    return {
      id: 'loss-by-position',
      drawing: lineChart({
        title: 'Loss of the base model by position, inside its window and beyond it',
        description: finding,
        x: { label: 'position, tokens', scale: 'log2' },
        y: { label: 'loss, nats a token' },
        series: drawn.map(({ name, buckets }) => ({
          name,
          points: buckets.map(({ from, to, lossNats }) => [middle(from, to), lossNats] as const),
          band: buckets.flatMap(({ from, to, lossNats, plusMinus }) =>
            Number.isFinite(plusMinus) ? [[middle(from, to), lossNats - plusMinus, lossNats + plusMinus] as const] : [],
          ),
          withDots: true,
        })),
        references: [{ name: 'trained window', x: trained }],
      }),
      caption: html`${finding} ${listed(drawn.map(({ name, rows }) => `${counted(rows, 'row')} ${name.replace('rows ', '')}`))} tokens of
      held-out text; bands are 95 % intervals over
      rows.${ends ? ' Rows longer than the window are drawn from its last half on, since the short ones show what lies before it with more text.' : ''}`,
    }
  },
}

/** "4.81 ± 0.13 nats": the loss of a bucket. */
export const lossAt = ({ lossNats, plusMinus }: PositionBucket) =>
  `${digits(lossNats)}${Number.isFinite(plusMinus) ? ` ± ${digits(plusMinus)}` : ''} nats`

/** Where a bucket of positions stands on a logarithmic axis. */
const middle = (from: number, to: number) => Math.sqrt(Math.max(1, from) * to)
