/**
 * Twenty steps of `nano` on the vendored corpus, for golden traces: every number that a step reports and that does not
 * depend on time. Prints a trace when run:
 *
 *   node test/golden/trace.ts plain > test/golden/nano-plain.txt
 */
import { memoryLog, Random } from '../../src/base/index.ts'
import { createModel } from '../../src/architecture/index.ts'
import { type Dialect, Machine, type VectorBits } from '../../src/compute/index.ts'
import { createAdamW, initialize } from '../../src/foundations/index.ts'
import {
  checkRecipe,
  Mixture,
  onVendoredText,
  prepareText,
  type PreparedText,
  recipes,
  stepTrace,
  train,
  type TrainingEvent,
} from '../../src/pretraining/index.ts'

const rowLength = 128
const rows = 2
const steps = 20

/** `nano` with short rows, in micro-batches of one; its schedules run through all their phases. */
function traceRecipe() {
  const nano = onVendoredText(recipes.nano())
  const { training } = nano
  const schedule = { ...training.schedule, learningRate: 2e-3, biasSpeed: 1e-3, warmupSteps: 4, firstBatchShare: 1 }
  return checkRecipe({
    ...nano,
    tokenizer: { ...nano.tokenizer, trainingBytes: 400_000 },
    training: { ...training, rowLength, rows, microRows: 1, tokens: steps * rows * rowLength, schedule },
  })
}

let prepared: Promise<PreparedText> | undefined

const digits = (value: number) => value.toPrecision(9)

/** One line a step: step, loss, MTP loss, balance, gradient norm, mean MaxVio, learning rate; nine significant digits. */
export async function traceLines(dialect: Dialect, vectorBits: VectorBits = 128): Promise<string[]> {
  const recipe = traceRecipe()
  const text = await (prepared ??= prepareText(recipe, {}))
  const machine = await Machine.start({ dialect, threads: 1, vectorBits })
  const model = createModel(machine, recipe.model, { withGradients: true })
  initialize(model.parameters.set, recipe.model.initStd, Random.seeded(recipe.seed))
  const log = memoryLog<TrainingEvent>()
  await train({
    model,
    optimizer: createAdamW(model.parameters.set, recipe.training.optimizer),
    stage: 'pretrain',
    source: new Mixture(text.tokenized, { seed: recipe.seed, extra: recipe.model.mtpDepth }),
    config: recipe.training,
    maskDocuments: recipe.data.maskDocuments,
    log,
  })
  machine.close()
  return stepTrace(log.events).map(({ step, lossNats, mtpNats, balance, gradientNorm, maxViolation, learningRate }) =>
    [String(step), ...[lossNats, mtpNats[0], balance!, gradientNorm, maxViolation.mean, learningRate].map(digits)].join(' '),
  )
}

if (import.meta.main) {
  const dialect = process.argv[2] as Dialect
  process.stdout.write(`# node test/golden/trace.ts ${dialect} > test/golden/nano-${dialect}.txt\n`)
  process.stdout.write(`${(await traceLines(dialect)).join('\n')}\n`)
}
