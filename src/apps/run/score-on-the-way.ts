/** Scores while a model is trained: a curve of bits per byte beside the loss. */
import type { EventSink } from '../../base/run-log.ts'
import { scoreTexts } from '../../evaluation/index.ts'
import type { PreparedText, Recipe, TrainingProbe } from '../../pretraining/index.ts'
import type { ProgressScoreEvent } from '../../report/index.ts'
import { heldOutTexts, rowsAtOnce, scoring } from './held-out-texts.ts'

/** Scores on the way, on little text, at equal distances; none when the recipe asks for none. */
export function scoreOnTheWay(text: PreparedText, recipe: Recipe, stepCount: number, log: EventSink<ProgressScoreEvent>): TrainingProbe[] {
  const { scoresAlongTheWay, bytesAlongTheWay } = recipe.evaluation
  if (scoresAlongTheWay === 0) return []
  const domains = heldOutTexts(text, bytesAlongTheWay, recipe.seed)
  // No more than a step has: scoring must not raise the heap's high-water mark.
  const rows = Math.min(rowsAtOnce, recipe.training.microRows)
  const look: TrainingProbe['look'] = async ({ model, step }) => {
    const scores = []
    for (const { name, texts } of domains) scores.push(await scoreTexts(model, text.tokenizer, name, texts, scoring(recipe, rows)))
    log.append({ type: 'evaluation/on-the-way', step, scores })
  }
  return [{ everySteps: Math.max(1, Math.floor(stepCount / scoresAlongTheWay)), look }]
}
