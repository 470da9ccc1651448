/**
 * `strata reward`: a run's reward model, what it agrees with, what is chosen by it, and who judges otherwise. Cut short and typed
 * again it goes on with the trained model that it saved.
 */
import type { Command } from 'commander'
import { formatSeconds } from '../../base/format.ts'
import { judgePairs, type EvaluationEvent } from '../../evaluation/index.ts'
import { openRunFolder } from '../../infrastructure/index.ts'
import { measureReward, type RewardEvent, rewardFile } from '../../posttraining/index.ts'
import { commonFlags, type CommonFlags } from '../flags.ts'
import { createOutput } from '../output.ts'
import { rewardText } from '../reward-text.ts'
import { commandLine } from '../run/commands.ts'
import { fineTunedOf } from '../run/fine-tuned.ts'
import { listenForInterrupt } from '../run/interrupt.ts'
import { Interrupted, pause } from '../run/part.ts'
import { readRunSoFar } from '../run/run-so-far.ts'
import { startMachine } from '../start-machine.ts'

type Flags = Pick<CommonFlags, 'threads' | 'json' | 'quiet'>

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('reward')
    .summary('train a reward model on a run’s own replies, and measure what choosing and judging by it is worth')
    .description(
      'Trains a reward model on pairs of replies that the run’s fine-tuned model drew to training problems, saves it in the run’s folder, and measures it on held-out problems: agreement with the verifier, the best of n replies, a policy that is optimised against it, and three judges of pairs in both orders.',
    )
    .argument('<run>', 'the folder of a run with a fine-tuned model; the results are added to its log')
  commonFlags(command, 'threads', 'json', 'quiet').action(reward)
}

async function reward(folder: string, flags: Flags): Promise<void> {
  const output = createOutput(flags)
  using run = openRunFolder<RewardEvent | EvaluationEvent>(folder, () => void readRunSoFar(folder))
  const { recipe, tokenizer, from } = fineTunedOf(run)
  const begun = performance.now()
  const machine = await startMachine(flags, output)
  using interrupt = listenForInterrupt(() => output.note('Finishing this piece. Once more to leave at once.'))
  const onProgress = async (what: string, share: number) => {
    output.progress({ stage: 'reward', detail: `${what} ${(share * 100).toFixed(0)} %` })
    await pause({ interrupt })
  }
  const events: (RewardEvent | EvaluationEvent)[] = []
  const append = (event: RewardEvent | EvaluationEvent) => {
    events.push(event)
    run.log.append(event)
  }
  try {
    await measureReward({
      machine,
      recipe,
      tokenizer,
      folder,
      from,
      log: { append },
      onProgress,
      onHeldOut: async (model, rewarded) => {
        const judged = await judgePairs(model, tokenizer, rewarded, () => onProgress('judges', 0))
        if (judged) append(judged)
      },
    })
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    process.exitCode = interrupt.exitStatus()
  } finally {
    machine.close()
  }
  const isWhole = interrupt.exitStatus() === 0
  output.note(`${isWhole ? 'done' : 'stopped'} after ${formatSeconds((performance.now() - begun) / 1000)}`)
  output.note(
    isWhole
      ? `Added to ${folder}. Its report with them: ${commandLine('report', folder)}`
      : 'The same command again goes on with the reward model that is trained, or trains it anew.',
  )
  output.result({ run: folder, model: rewardFile(folder), isWhole, events }, () => rewardText(events))
}
