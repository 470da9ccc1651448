/** What this run's reward model came to: its agreement, what is chosen by it, and what becomes of a policy that trusts it. */
import { cite, figure, figureReference, published } from '../blocks.ts'
import { rewardFindings, type RewardFindings } from '../findings/rewards.ts'
import { lineChart } from '../figures/index.ts'
import { html, type Html, join } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { intervalText, pointsOf } from '../share-wording.ts'
import type { FigureBlock } from '../types.ts'
import { changed, counted, digits, percent } from '../wording.ts'

/** Paragraphs and a figure; one sentence where there is no reward model. */
export function rewardMeasured(run: RunFacts): Html {
  const found = rewardFindings(run)
  if (!found)
    return html`<p>
      No reward model was trained beside this run: <code>strata reward runs/first</code> does it, and measures how far it can be trusted.
    </p> `
  const curve = overOptimisationFigure(found)
  return html`${trained(found)}${curve && figure(curve)}`
}

function trained({ training, agreement, bestOf, policy }: RewardFindings): Html {
  const most = bestOf.at(-1)!
  const pairs = training
    ? html`The reward model was trained on ${counted(training.pairs, 'pair')} from ${counted(training.mixedProblems, 'training problem')};
      the loss ${changed(training.firstLossNats, training.lastLossNats)} nats a pair.`
    : null
  const byTask = join(
    agreement.byTask.map(({ task, agreement: share, problems }) => html`${task} ${percent(share)} (n = ${problems})`),
    ', ',
  )
  const end = policy.at(-1)
  const trusting =
    end && end.step > 0
      ? html` A policy optimised against it for ${counted(end.step, 'step')} moved its reward by
        ${digits(end.reward.value - policy[0].reward.value)} nats and its right answers by ${pointsOf(end.gain)}: ${endOfTrust(end.gain)}.`
      : null
  return html`<p>
    ${pairs} On held-out problems the right one of two replies scored higher in ${intervalText(agreement.agreement)} of the cases (n =
    ${agreement.problems}, chance 50 %): ${byTask}. A judge reaches, on RewardBench,
    ${published('87.0 %, with six votes 89.6 %')}${cite('deepseek-v3', 'table 8')}. The best of ${most.n} replies by the model was right on
    ${percent(most.accuracy.value)} of ${most.problems} problems, a random one on ${percent(most.randomAccuracy)}, a perfect choice on
    ${percent(most.oracleAccuracy)} (${figureReference('best-of-n')}).${trusting}
  </p> `
}

/** What the verifier says of a policy that trusted the model. */
function endOfTrust({ low, high }: RewardFindings['policy'][number]['gain']): string {
  if (low > 0) return 'so far the model led it the right way'
  return high < 0 ? 'it learnt to please the model and not to be right' : 'whether that made it better is not established'
}

/** Reward against truth, for the best of n and for the optimised policy; null with fewer than two points. */
function overOptimisationFigure({ bestOf, policy }: RewardFindings): FigureBlock | null {
  if (bestOf.length < 2) return null
  const points = (list: readonly { readonly reward: { readonly value: number }; readonly accuracy: { readonly value: number } }[]) =>
    list.map(({ reward, accuracy }) => [reward.value, accuracy.value] as const)
  const [one, most] = [bestOf[0], bestOf.at(-1)!]
  const finding = `Choosing from more replies, the reward of the chosen ${changed(one.reward.value, most.reward.value)} nats and its right answers ${changed(one.accuracy.value, most.accuracy.value, percent)}`
  return {
    id: 'over-optimisation',
    drawing: lineChart({
      title: 'What the reward model says against what is right',
      description: `${finding}.`,
      x: { label: 'reward above the fine-tuned model’s mean, nats' },
      y: { label: 'share of right answers', format: percent },
      series: [
        { name: 'best of n', points: points(bestOf), withDots: true },
        ...(policy.length > 1 ? [{ name: 'optimised', points: points(policy), withDots: true }] : []),
      ],
    }),
    caption: html`${finding}. Each dot of the first line is an n (${bestOf.map(({ n }) => n).join(', ')}), of the second a look at the
    policy on its way. Where a line goes right without going up, the reward no longer says what is right.`,
  }
}
