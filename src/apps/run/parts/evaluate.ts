/** What a stage came to: scored on held-out text, as far as the stage can have changed it. */
import { evaluateStage, type EvaluationConfig } from '../../../evaluation/index.ts'
import { Engine } from '../../../inference/index.ts'
import { measureAccuracy, rolloutRows } from '../../../posttraining/index.ts'
import { baseStage, configAfter, extensionWindows, type Recipe, type Stage } from '../../../pretraining/index.ts'
import { pause, type Part, type RunContext, type Until } from '../part.ts'
import { loadStage } from '../stage-model.ts'

/** The part that scores a stage. @param isWanted whether the recipe has the stage */
export function evaluatePart(stage: Stage, until: Until, isWanted: Part['isWanted'] = () => true): Part {
  return { name: `evaluate-${stage}`, until, isWanted, work: (context) => evaluate(context, stage) }
}

/** Text that is counted for the n-gram model beside the compressors, in bytes. */
const ngramBytes = 2_000_000
/** Where needles lie, as shares of the text before the question. */
const needleDepths = [0, 0.25, 0.5, 0.75, 1]
/** Later stages are scored on a part of the text that the base model is scored on. */
const laterShare = 4

/** What of an evaluation is about a stage: everything for the base model, windows after an extension, tasks after a fine-tuning. */
function configFor(stage: Stage, recipe: Recipe): EvaluationConfig {
  const { training, evaluation, extension } = recipe
  const { rowLength } = training
  const { bytesPerDomain, tasks, itemsPerTask, positionTokens, needlesPerCell } = evaluation
  const isBase = stage === 'pretrain'
  const isExtension = stage.startsWith('extend')
  const isControl = stage === 'rl-shuffled'
  // Tasks are scored once more before fine-tuning, not after each window.
  const isBetween = isControl || (isExtension && stage !== baseStage(recipe))
  const windowLengths = [rowLength, ...(extension ? extensionWindows(extension, rowLength) : [])]
  const isLong = extension !== null && (isBase || isExtension)
  return {
    rowLength,
    bytesPerDomain: isBase ? bytesPerDomain : isBetween ? 0 : Math.ceil(bytesPerDomain / laterShare),
    ngramBytes: isBase ? ngramBytes : 0,
    tasks: isBetween ? [] : tasks,
    itemsPerTask,
    contamination: isBase,
    positions: isLong && positionTokens > 0 ? { windowLengths, tokens: positionTokens } : null,
    needle: isLong && needlesPerCell > 0 ? { lengths: windowLengths, depths: needleDepths, perCell: needlesPerCell } : null,
  }
}

async function evaluate(context: RunContext, stage: Stage): Promise<void> {
  const { run, text, document, output } = context
  const { recipe } = document
  const own = configAfter(recipe, stage)
  // Rotations reach as far as the longest window that any stage is tried on: before it is trained on, too.
  const longest = Math.max(own.maxLength, ...(recipe.extension ? extensionWindows(recipe.extension, recipe.training.rowLength) : []))
  const model = loadStage(context, stage, { ...own, maxLength: longest })
  const onProgress = async (what: string, share: number) => {
    output.progress({ stage: 'evaluate', detail: `${stage}: ${what} ${(share * 100).toFixed(0)} %` })
    await pause(context)
  }
  await evaluateStage({
    model,
    tokenizer: text.tokenizer,
    corpus: text.corpus,
    stage,
    seed: recipe.seed,
    config: configFor(stage, recipe),
    log: run.log,
    onProgress,
  })
  if (recipe.rl === null || stage.startsWith('extend')) return
  const engine = new Engine(model, text.tokenizer, rolloutRows)
  const onShare = (share: number) => onProgress('problems', share)
  await measureAccuracy({ engine, stage, config: recipe.rl, seed: recipe.seed, log: run.log, onProgress: onShare })
  engine.free()
}
