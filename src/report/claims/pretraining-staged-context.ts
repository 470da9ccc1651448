/** Long windows are not free, so the window is extended in stages: against one jump with the same tokens. */
import { costByWindow, lastStagedStage, needlesAt, stagedAgainstJump } from '../findings/long-context.ts'
import type { RunFacts } from '../run-facts.ts'
import { plusMinus, shareOf, workOf } from '../share-wording.ts'
import type { Claim } from '../types.ts'
import { digits, percent, signed } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

/** "… 12 of 40, 30 % (…), against 8 of 40, 20 % (…)", or nothing where needles were not looked for. */
function needleSentence(run: RunFacts, length: number): string {
  const [staged, jump] = [lastStagedStage(run) ?? '', 'extend-jump'].map((stage) => needlesAt(run, stage, length))
  if (!staged || !jump) return ''
  return ` Of the needles in ${length} tokens the staged model finds ${shareOf(staged)}, the other ${shareOf(jump)}; chance is ${percent(staged.chance)}.`
}

export const stagedContext: Claim = {
  id: 'pretraining.staged-context',
  statement: claimStatements['pretraining.staged-context'],
  mechanism: 'src/pretraining/extension.ts',
  needs: needs('evaluation/position'),
  command: 'strata run nano',
  rule: 'It holds where a training token costs more FLOPs in the last window than in the first, and in the far half of the last window the loss after the stages is below the loss after one jump with the same tokens, by more than the 95 % interval of the difference, paired by rows of text.',
  judge(run) {
    const found = stagedAgainstJump(run)
    if (!found) return notTested('The last window was not measured both after the stages and after the jump.')
    const costs = costByWindow(run)
    const [first, last] = [costs[0], costs.at(-1)!]
    const { windowLength, staged, jump, gainNats, plusMinus: half, rows } = found
    const sentence =
      `Without the MTP module a training token costs ${workOf(first.flops)} in a window of ${first.window} and ${workOf(last.flops)} in one of ${last.window}, ${digits(last.flops / first.flops)} times as much. ` +
      `In the far half of the ${windowLength} the loss is ${plusMinus(staged.lossNats, staged.plusMinus)} nats after the stages and ${plusMinus(jump.lossNats, jump.plusMinus)} after one jump ` +
      `(n = ${staged.n} predictions each): jump less stages ${signed(gainNats)}${Number.isFinite(half) ? ` ± ${digits(half)} nats, paired over ${rows} rows (95 % interval)` : ' nats, of one row and so without an interval'}.${needleSentence(run, windowLength)}`
    if (last.flops <= first.flops || gainNats < -half) return didNotHold(sentence)
    return gainNats > half ? held(sentence) : notEstablished(sentence)
  },
}
