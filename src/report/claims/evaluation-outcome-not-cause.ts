/** A score says how a model came out, not why: which of this run's scores any ablation attributes. */
import { allAblations } from '../findings/ablation-results.ts'
import { lastTaskStage, taskScores } from '../findings/task-scores.ts'
import type { Claim } from '../types.ts'
import { counted, listed, percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

export const outcomeNotCause: Claim = {
  id: 'evaluation.outcome-not-cause',
  statement: claimStatements['evaluation.outcome-not-cause'],
  mechanism: 'src/evaluation/score-items.ts',
  needs: needs('evaluation/task'),
  command: 'strata run nano',
  rule: 'It holds where a score lies above chance by its whole 95 % interval and no ablation of the run measures that score, so that nothing says which mechanism it is owed to. It does not hold where every such score has an ablation of its own.',
  judge(run) {
    const stage = lastTaskStage(run)
    const scores = stage ? taskScores(run, stage) : []
    if (scores.length === 0) return notTested('No task was scored.')
    const metrics = new Set(allAblations(run).map(({ metric }) => metric))
    const above = scores.filter(({ isAboveChance }) => isAboveChance)
    const unattributed = above.filter(({ task }) => !metrics.has(task))
    const phrases = above.map(
      ({ task, accuracy, interval, chance, n }) =>
        `${task} ${percent(accuracy)} (95 % interval ${(100 * interval[0]).toFixed(0)} to ${percent(interval[1])}, n = ${n}, chance ${percent(chance)})`,
    )
    const ablated = metrics.size > 0 ? `the run’s ablations measure ${listed([...metrics])}` : 'the run has no ablations'
    if (above.length === 0)
      return notEstablished(`None of ${counted(scores.length, 'score')} lies above chance, so there is nothing to attribute; ${ablated}.`)
    const sentence = `Above chance ${above.length === 1 ? 'lies' : 'lie'} ${listed(phrases)}; ${ablated}, so ${unattributed.length === 0 ? 'each of these' : unattributed.length === above.length ? 'none of these' : `${above.length - unattributed.length} of these`} is attributed to a mechanism.`
    return unattributed.length > 0 ? held(sentence) : didNotHold(sentence)
  },
}
