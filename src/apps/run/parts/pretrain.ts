/** Pre-training: from the recipe's seed to a base model. */
import { stepsLeft } from '../../../foundations/index.ts'
import { trainInFolder } from '../../../pretraining/index.ts'
import { scoreOnTheWay } from '../score-on-the-way.ts'
import { Interrupted, type Part, surroundings } from '../part.ts'
import { keepEndOnly, writeResult } from '../stage-model.ts'

export const pretrainPart: Part = {
  name: 'pretrain',
  until: 'pretrain',
  isWanted: () => true,
  work: async (context) => {
    const { document, text, run } = context
    const { recipe } = document
    const stepCount = stepsLeft(recipe.training.schedule, recipe.training)
    const outcome = await trainInFolder({
      ...surroundings(context, 'pretrain'),
      text,
      probes: scoreOnTheWay(text, recipe, stepCount, run.log),
    })
    if (outcome.reason === 'interrupted') throw new Interrupted('pretrain')
    writeResult(context, outcome)
    keepEndOnly(context, 'pretrain')
  },
}
