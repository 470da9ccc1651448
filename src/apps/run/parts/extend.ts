/** Context extension: a part for each stage that the recipe has, and for the control that goes to the last window at once. */
import { type ExtensionStageName, extensionStages, type Recipe, trainExtension } from '../../../pretraining/index.ts'
import { Interrupted, type Part, surroundings } from '../part.ts'
import { endOfStage, keepEndOnly, writeResult } from '../stage-model.ts'

const stageOf = (recipe: Recipe, name: ExtensionStageName) => extensionStages(recipe).find(({ stage }) => stage === name)

/** Whether a recipe has a stage of this name. */
export const hasExtension = (name: ExtensionStageName) => (recipe: Recipe) => stageOf(recipe, name) !== undefined

/** The part that trains a stage of context extension. The control leaves the run's model as it is. */
export function extendPart(name: ExtensionStageName): Part {
  return {
    name,
    until: 'extend',
    isWanted: hasExtension(name),
    work: async (context) => {
      const stage = stageOf(context.document.recipe, name)!
      const around = surroundings(context, name)
      const outcome = await trainExtension(around, context.text, stage, endOfStage(context, stage.from))
      if (outcome.reason === 'interrupted') throw new Interrupted(name)
      if (name !== 'extend-jump') writeResult(context, outcome)
      keepEndOnly(context, name)
    },
  }
}
