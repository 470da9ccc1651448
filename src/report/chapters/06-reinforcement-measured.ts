/** What this run's reinforcement came to: reward by step beside its control, accuracy by family of tasks, and whether it was exact. */
import { cite, figure, figureReference, published } from '../blocks.ts'
import { accuracyOf, families, type ReinforcementSummary, rlSteps, summarizeReinforcement } from '../findings/accuracies.ts'
import { shareDifference } from '../findings/attempts.ts'
import { dotPlot, type DotRow, lineChart, type LineSeries } from '../figures/index.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { pointsOf } from '../share-wording.ts'
import { shareInterval } from '../../base/statistics.ts'
import type { FigureBlock } from '../types.ts'
import { changed, counted, digits, listed, percent, signed } from '../wording.ts'
import { missing } from './placed.ts'
import { stageWords } from './06-fine-tuning-measured.ts'

/** Paragraphs and figures. */
export function reinforcementMeasured(run: RunFacts): Html {
  const reward = rewardFigure(run)
  const tasks = taskFigure(run)
  return html`${course(run)}${reward && figure(reward)}${outcome(run)}${tasks && figure(tasks)}${exactness(run)}`
}

function course(run: RunFacts): Html {
  const summary = summarizeReinforcement(rlSteps(run, 'rl'))
  if (!summary) return missing('No step of reinforcement has been taken in this run.')
  const { steps, replies, lastKlNats, skippedShare, endSteps } = summary
  const { gain, isClear } = rewardGain(summary)
  const meaning = isClear
    ? ''
    : ' Each step has problems of its own, and they differ by more than that: whether the policy became better is for the held-out problems to say.'
  return html`<p>
    Reinforcement took ${counted(steps, 'step')} and drew ${counted(replies, 'reply', 'replies')}. From the first
    ${counted(endSteps, 'step')} to the last ${endSteps === 1 ? 'one' : endSteps} the mean reward changed by ${gain}
    (${figureReference('rl-reward')}).${meaning} In ${percent(skippedShare)} of the groups all replies earned the same, so nothing was
    learnt from them. At the end the policy was ${digits(lastKlNats)} nats a token away from the fine-tuned model: what the change was paid
    with.
  </p> `
}

/** The change of the mean reward from the first steps to the last, and whether it is larger than its interval. */
function rewardGain({ firstReward, lastReward, rewardPlusMinus }: ReinforcementSummary): {
  readonly gain: string
  readonly isClear: boolean
} {
  const change = lastReward - firstReward
  const interval = Number.isFinite(rewardPlusMinus) ? ` ± ${digits(rewardPlusMinus)}` : ', without an interval'
  return { gain: `${signed(change)}${interval}`, isClear: Math.abs(change) > rewardPlusMinus }
}

/** The reward by step, beside that of the control; null without two steps. */
function rewardFigure(run: RunFacts): FigureBlock | null {
  const [own, control] = (['rl', 'rl-shuffled'] as const).map((stage) => rlSteps(run, stage))
  if (own.length < 2) return null
  const points = (steps: typeof own) => steps.map(({ step, rewardMean }) => [step, rewardMean] as const)
  const series: LineSeries[] = [
    { name: 'verifiers', points: points(own), tone: 'one' },
    ...(control.length > 1 ? [{ name: 'shuffled', points: points(control), tone: 'two' as const, isDashed: true }] : []),
  ]
  const summary = summarizeReinforcement(own)!
  const beside = summarizeReinforcement(control)
  const phrase = (of: ReinforcementSummary) => {
    const { gain, isClear } = rewardGain(of)
    return isClear ? `${changed(of.firstReward, of.lastReward)} (${gain})` : `did not change by more than its interval (${gain})`
  }
  const finding = `The mean reward of a step ${phrase(summary)} under the verifiers’ rewards`
  const other = beside && control.length > 1 ? `; with the same rewards shuffled among the replies it ${phrase(beside)}` : ''
  return {
    id: 'rl-reward',
    drawing: lineChart({
      title: 'Reward over reinforcement',
      description: `${finding}${other}.`,
      x: { label: 'step' },
      y: { label: 'mean reward of the step’s replies' },
      series,
    }),
    caption: html`${finding}${other}. A right answer earns 1, its form 0.1; what is drawn is the reward that the verifiers gave, whoever got
    it afterwards. Compared are the first and the last fifth of the steps; each step has problems of its own.`,
  }
}

function outcome(run: RunFacts): Html {
  const [before, after, control] = ['sft', 'rl', 'rl-shuffled'].map((stage) => accuracyOf(run, stage))
  if (!before || !after) return missing('The held-out problems were not tried both before and after reinforcement.')
  const beside = control
    ? html` The control, which began from the same fine-tuned model and got the same rewards in a random order, came to
      ${percent(control.accuracy)}, ${pointsOf(shareDifference(control, before))}; it took
      ${counted(rlSteps(run, 'rl-shuffled').length, 'step')} where the other took
      ${rlSteps(run, 'rl').length}${rlSteps(run, 'rl-shuffled').length < rlSteps(run, 'rl').length ? ', so it says more about the direction than about the size' : ''}.`
    : html` There was no control with shuffled rewards.`
  return html`<p>
    On held-out problems, which no stage has trained on, accuracy ${changed(before.accuracy, after.accuracy, percent)}:
    ${pointsOf(shareDifference(after, before))}.${beside} The best-known figure of the kind is one of pure reinforcement on V3’s base model,
    where a score on competition mathematics went from
    ${published('15.6 to 71.0 % on AIME 2024', 'R1-Zero')}${cite('deepseek-r1', 'section 2.2')}; it shows the direction, and nothing in a
    run of minutes compares with its size.
  </p> `
}

/** Accuracy by family of tasks after each stage; null when none was measured. */
function taskFigure(run: RunFacts): FigureBlock | null {
  const tones = { sft: 'soft', rl: 'one', 'rl-shuffled': 'two' } as const
  const stages = (['sft', 'rl', 'rl-shuffled'] as const).filter((stage) => families(run, stage).length > 0)
  if (stages.length === 0) return null
  const names = families(run, stages[0]).map(({ family }) => family)
  const rows = names.flatMap((family) =>
    stages.flatMap((stage, index): DotRow[] => {
      const found = families(run, stage).find((one) => one.family === family)
      if (!found) return []
      const { value, low, high } = shareInterval(found.attempts.correct, found.attempts.n)
      return [
        {
          name: stageWords[stage],
          ...(index === 0 && { heading: family }),
          value,
          low,
          high,
          chance: found.chance,
          tone: tones[stage],
          text: `${found.attempts.correct} of ${found.attempts.n}`,
        },
      ]
    }),
  )
  const rises = names.filter((family) => {
    const [before, after] = ['sft', 'rl'].map((stage) => families(run, stage).find((one) => one.family === family)?.attempts)
    return before && after && shareDifference(after, before).low > 0
  })
  const finding = !stages.includes('rl')
    ? 'Accuracy by family of tasks.'
    : rises.length === 0
      ? 'In no family of tasks is the gain from reinforcement larger than its interval.'
      : `Reinforcement raised the accuracy by more than the interval in ${rises.length} of ${counted(names.length, 'family', 'families')}: ${listed(rises)}${rises.length < names.length ? '; of the rest it is not established' : ''}.`
  return {
    id: 'rl-tasks',
    drawing: dotPlot({
      title: 'Accuracy on held-out problems by family of tasks',
      description: finding,
      x: { label: 'share of right answers', from: 0, to: 1, format: percent },
      rows,
    }),
    caption: html`${finding} Bars are 95 % intervals (Wilson), upright strokes the chance levels.`,
  }
}

function exactness(run: RunFacts): Html | null {
  const summary = summarizeReinforcement(rlSteps(run, 'rl'))
  if (!summary) return null
  if (rlSteps(run, 'rl').every(({ updates }) => updates === 0))
    return missing('Since no group of replies had any variance, no update was taken, and nothing can be said about how exact it was.')
  const faults = run.ofType('rl/verifier-fault').reduce((sum, { count }) => sum + count, 0)
  const faulty =
    faults > 0
      ? html` ${counted(faults, 'reply', 'replies')} got no verdict, because the verifier failed or did not end; they counted as wrong.`
      : null
  return html`<p>
    Two figures say whether the method was carried out as it is written. Before the first update of a step the policy is the one that drew
    the replies, so every ratio must be 1: the largest distance from it was ${digits(summary.ratioError)}. And the sampler, which decodes
    with absorbed attention, must give its tokens the probabilities that the trainer gives them: the largest difference of two
    log-probabilities was ${digits(summary.largestGap)} nats. Where these two grow, a policy is trained on somebody else’s replies.${faulty}
  </p> `
}
