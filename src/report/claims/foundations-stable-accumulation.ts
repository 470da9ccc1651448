/** Sums over micro-batches: equal to one big batch to rounding in f32, drifting when they are rounded to BF16. */
import type { Claim } from '../types.ts'
import { between, digits } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, sideOf } from './verdicts.ts'

export const stableAccumulation: Claim = {
  id: 'foundations.stable-accumulation',
  statement: claimStatements['foundations.stable-accumulation'],
  mechanism: 'src/pretraining/training-step.ts',
  needs: needs('ablation/accumulation'),
  command: 'strata ablate accumulation --run runs/first',
  rule: 'It holds where sums that are rounded to BF16 after each part of a batch lie further from the undivided batch than sums in f32, the 95 % interval of the difference above zero.',
  judge(run) {
    const event = run.lastOf('ablation/accumulation')!
    const sentence = `With a batch in ${event.parts} parts over ${event.steps} steps, the ${event.metric} is larger by ${digits(event.difference)} (${event.unit}) with BF16 sums than with f32 sums (95 % interval ${between(event.low, event.high)}, ${event.n} ${event.intervalOver}).`
    const side = sideOf(event.low, event.high)
    return side === 'above' ? held(sentence) : side === 'below' ? didNotHold(sentence) : notEstablished(sentence)
  },
}
