/** The stage of a run's model: the flag of the verbs that load one, and what to say when another stage is the better one. */
import type { Command } from 'commander'
import { modelStages, type ModelStage, stagesOf } from '../infrastructure/index.ts'
import { oneOf } from './flags.ts'
import type { Output } from './output.ts'
import { commandLine } from './run/commands.ts'

export interface StageFlag {
  readonly stage?: ModelStage
}

/** Adds the flag to a verb's command. */
export const stageFlag = (command: Command): Command =>
  command.option(
    '--stage <stage>',
    `of a run, the model as this stage left it: ${modelStages.join(', ')} (default: the last)`,
    oneOf('--stage', modelStages),
  )

/** Says that a model which was trained to answer goes on with plain text badly. */
export function noteFineTuned(folder: string, { stage }: StageFlag, output: Output): void {
  const stages = stagesOf(folder)
  if ((stage ?? stages.at(-1) ?? 'base') === 'base') return
  const base = stages.includes('base') ? `; for plain text take the base model: ${commandLine('generate', folder, '--stage', 'base')}` : ''
  output.note(`This model was fine-tuned to answer. Talk with it: ${commandLine('chat', folder)}${base}`)
}

/** Says that a model which was not trained to answer will hardly do so. */
export function noteBase(folder: string, { stage }: StageFlag, output: Output): void {
  const stages = stagesOf(folder)
  if ((stage ?? stages.at(-1)) !== 'base') return
  const better = stages.includes('sft') ? 'Leave --stage away for the model that was.' : `Train it to: ${commandLine('sft', folder)}`
  output.note(`This is the base model, which was not trained to answer. ${better}`)
}
