/** How the finished model is served: both regimes on this machine, drafts, rollouts, where its tokens go. */
import type { Batch } from '../../../architecture/index.ts'
import { heldOutStream } from '../../../evaluation/index.ts'
import {
  createDecodeRounds,
  Engine,
  expertLoads,
  measureInference,
  measureRollouts,
  measureSpeculation,
  probeRouting,
} from '../../../inference/index.ts'
import { loadModelFolder } from '../../../infrastructure/index.ts'
import { baseStage, configAfter, type Recipe, type Stage } from '../../../pretraining/index.ts'
import { pause, type Part, type RunContext } from '../part.ts'
import { loadStage } from '../stage-model.ts'

/** Rows of held-out text whose routing is looked at, in all and of each domain. */
const routedRows = 64
const rowsOfDomain = 12
/** Texts of each domain that are gone on with, with drafts and without, and tokens of each. */
const speculation = { prompts: 2, promptTokens: 48, maxTokens: 64, speculate: 1, rounds: 3 } as const
/** Sequences at once, against one: groups of eight to a prompt, as in reinforcement. */
const rolloutRows = [1, 16]
const groupSize = 8
const rolloutPromptTokens = 16
const rolloutTokens = 48

export const inferencePart: Part = { name: 'inference', until: 'report', isWanted: () => true, work: measure }

/** The stage whose model the run's folder holds. */
const lastStage = (recipe: Recipe): Stage => (recipe.rl ? 'rl' : recipe.sft ? 'sft' : baseStage(recipe))

/** Text cut into rows of `length`, as many as there are, `count` at most. */
const rowsFrom = (stream: Int32Array, length: number, count: number): Int32Array[] =>
  Array.from({ length: Math.min(count, Math.floor(stream.length / length)) }, (_, row) => stream.slice(row * length, (row + 1) * length))

async function measure(context: RunContext): Promise<void> {
  const { machine, run, text, document, output } = context
  const { recipe } = document
  const say = async (detail: string) => {
    output.progress({ stage: 'inference', detail })
    await pause(context)
  }
  const { model } = loadModelFolder(machine, run.modelFolder, { withGradients: false })
  const { rowLength } = recipe.training
  const { domains } = text.corpus

  await say('routing of held-out text')
  const rowTokens = rowLength + 1
  const stream = heldOutStream(domains, text.tokenizer, routedRows * rowTokens)
  const batches = rowsFrom(stream, rowTokens, routedRows).map((tokens_BS): Batch => ({ rows: 1, length: rowLength, rowTokens, tokens_BS }))
  for (const event of probeRouting(model, batches, lastStage(recipe))) run.log.append(event)
  for (const domain of domains) {
    const rows = rowsFrom(heldOutStream([domain], text.tokenizer, rowsOfDomain * rowLength), rowLength, rowsOfDomain)
    if (rows.length > 0) run.log.append({ type: 'inference/expert-load', domain: domain.name, loadByRouter: expertLoads(model, rows) })
  }

  await say('prefill and decoding')
  const longest = model.config.maxLength - 1
  const contextLengths = [
    ...new Set([Math.ceil(rowLength / 2), rowLength, 4 * rowLength, 8 * rowLength, 32 * rowLength].map((n) => Math.min(n, longest))),
  ]
  const [near, far] = [Math.min(...contextLengths), Math.max(...contextLengths)]
  const rounds = near < far ? createDecodeRounds(model, [near, far]) : null
  for (const event of measureInference(model, { contextLengths, rowCounts: [1, 4, 16], afterEach: () => rounds?.take() }))
    run.log.append(event)
  if (rounds) run.log.append(rounds.event())

  const prompts = domains.flatMap((domain) => {
    const own = heldOutStream([domain], text.tokenizer, speculation.prompts * speculation.promptTokens)
    return rowsFrom(own, speculation.promptTokens, speculation.prompts).map((ids) => ({ domain: domain.name, ids }))
  })
  if (recipe.model.mtpDepth > 0 && prompts.length > 0) {
    await say('drafts')
    // Of the model before it learned to end its texts: a reply is over before there is anything to draft.
    using _base = machine.scope()
    const base = loadStage(context, baseStage(recipe), configAfter(recipe, baseStage(recipe)))
    const engine = new Engine(base, text.tokenizer, 1 + speculation.speculate)
    for (const event of measureSpeculation(engine, prompts, speculation)) run.log.append(event)
  }

  await say('rollouts')
  const groups = rolloutRows.at(-1)! / groupSize
  const short = rowsFrom(stream, rolloutPromptTokens, groups)
  const maxTokens = Math.min(rolloutTokens, longest - rolloutPromptTokens)
  if (short.length === groups && maxTokens > 0)
    for (const event of measureRollouts(model, short, groupSize, rolloutRows, maxTokens)) run.log.append(event)
}
