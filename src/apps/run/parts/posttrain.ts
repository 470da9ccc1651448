/** Post-training: fine-tuning on conversations, reinforcement with verifiers, and its control with shuffled rewards. */
import { type PosttrainingSurroundings, type RlStage, trainRl, trainSft } from '../../../posttraining/index.ts'
import { baseStage, type Recipe, type Stage } from '../../../pretraining/index.ts'
import { Interrupted, type Part, type RunContext, surroundings } from '../part.ts'
import { showReinforcement } from '../reinforcement-progress.ts'
import { endOfStage, keepEndOnly, writeResult } from '../stage-model.ts'
import { longSentences } from '../text-needs.ts'

/** What reinforcement begins from: the fine-tuned model, or the base model of a recipe that does not fine-tune. */
const beforeRl = (recipe: Recipe): Stage => (recipe.sft ? 'sft' : baseStage(recipe))

function around(context: RunContext, stage: Stage, before: Stage): PosttrainingSurroundings {
  const { run, text, output } = context
  const { onEvent, ...rest } = surroundings(context, stage)
  const onReinforcement = showReinforcement(output, stage)
  return {
    ...rest,
    run,
    text,
    from: endOfStage(context, before),
    onEvent: (event) => {
      if (event.type.startsWith('training/')) onEvent?.(event as Parameters<NonNullable<typeof onEvent>>[0])
      onReinforcement(event)
    },
  }
}

/** Fine-tuning. */
export const sftPart: Part = {
  name: 'sft',
  until: 'sft',
  isWanted: ({ sft }) => sft !== null,
  work: async (context) => {
    const { document, run, text } = context
    for (const message of longSentences(document.recipe.sft!, text)) run.log.append({ type: 'run/warning', message })
    const outcome = await trainSft(around(context, 'sft', baseStage(context.document.recipe)))
    if (outcome.reason === 'interrupted') throw new Interrupted('sft')
    writeResult(context, outcome)
    keepEndOnly(context, 'sft')
  },
}

/** Whether a recipe reinforces, or has the control. */
export const hasReinforcement = (stage: RlStage) => (recipe: Recipe) =>
  recipe.rl !== null && (stage === 'rl' || recipe.rl.shuffledSteps > 0)

/** Reinforcement, or its control, which leaves the run's model as it is. */
export function rlPart(stage: RlStage): Part {
  return {
    name: stage,
    until: 'rl',
    isWanted: hasReinforcement(stage),
    work: async (context) => {
      const outcome = await trainRl(around(context, stage, beforeRl(context.document.recipe)), stage)
      if (outcome.reason === 'interrupted') throw new Interrupted(stage)
      if (stage === 'rl') writeResult(context, outcome)
      keepEndOnly(context, stage)
    },
  }
}
