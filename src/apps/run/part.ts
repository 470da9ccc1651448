/**
 * A run is a list of parts, each done once: what is in the folder already is skipped, what was cut short is done again or
 * gone on with. Each part says in the log that it is done.
 */
import { turn } from '../../base/turn.ts'
import type { Machine } from '../../compute/index.ts'
import type { RunFolder } from '../../infrastructure/index.ts'
import type { PreparedText, Recipe, StageSurroundings } from '../../pretraining/index.ts'
import type { PartName, RunDocument, RunRecordEvent } from '../../report/index.ts'
import type { Output } from '../output.ts'
import type { Interrupt } from './interrupt.ts'
import { showTraining } from './training-progress.ts'

/** What every part works with. The machine's heap is empty between two parts. */
export interface RunContext {
  readonly machine: Machine
  readonly run: RunFolder<RunRecordEvent>
  readonly document: RunDocument
  readonly text: PreparedText
  readonly output: Output
  readonly interrupt: Interrupt
}

/** How far a run shall go. */
export type Until = 'pretrain' | 'extend' | 'sft' | 'rl' | 'report'

export interface Part {
  readonly name: PartName
  /** The part belongs to a run that goes this far. */
  readonly until: Until
  /** Whether the recipe asks for it. */
  readonly isWanted: (recipe: Recipe) => boolean
  /** @throws Interrupted when it was asked to stop; it is then not done */
  readonly work: (context: RunContext) => Promise<void>
}

/** Thrown by a part that was asked to stop and has left everything in order. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** Lets signals in, and throws if one came. Called between two pieces of work. */
export async function pause({ interrupt }: Pick<RunContext, 'interrupt'>): Promise<void> {
  await turn()
  if (interrupt.signal.aborted) throw new Interrupted('asked to stop')
}

/** What a stage of training is told. */
export function surroundings(context: RunContext, stage: string): StageSurroundings {
  const { machine, run, document, output, interrupt } = context
  return {
    machine,
    run,
    recipe: document.recipe,
    onEvent: showTraining(output, stage),
    peakFlopsPerSecond: document.ceilings.gflopsAllThreads * 1e9,
    stop: interrupt.signal,
    onResume: (step, broken) => {
      for (const reason of broken) output.warn(`a checkpoint was passed over: ${reason}`)
      output.note(step > 0 ? `resume    ${stage} from step ${step} ` : `resume    ${stage} from the beginning: no checkpoint is whole`)
    },
  }
}
