import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../base/random.ts'
import { createModel, forward, type ModelConfig, presets } from '../architecture/index.ts'
import { differentiate, Machine } from '../compute/index.ts'
import { createAdamW, initialize } from '../foundations/index.ts'
import { checkHeap, planHeap } from './heap-plan.ts'
import { keepingOf, type TrainingConfig } from './recipe.ts'
import { recipes } from './recipes.ts'

const { optimizer } = recipes.nano().training

async function measuredBytes(config: ModelConfig, rows: number, length: number, settings: Partial<TrainingConfig> = {}): Promise<number> {
  const machine = await Machine.start({ threads: 1 })
  const model = createModel(machine, config, { withGradients: true, length })
  initialize(model.parameters.set, config.initStd, Random.seeded(1))
  createAdamW(model.parameters.set, settings.optimizer ?? optimizer)
  const rng = Random.seeded(2)
  const rowTokens = length + 1 + config.mtpDepth
  const tokens_BS = Int32Array.from({ length: rows * rowTokens }, () => rng.below(config.vocabSize))
  const objective = { mtpWeight: 0.3, balanceWeight: 1e-4 }
  differentiate(machine, () => void forward(model, { rows, length, rowTokens, tokens_BS }, objective), keepingOf(settings))
  machine.close()
  return machine.heap.peakBytes
}

const wide: ModelConfig = {
  ...presets.tiny,
  width: 64,
  expertFfnWidth: 64,
  denseFfnWidth: 512,
  queryRank: null,
  mtpDepth: 0,
  sharedExpertCount: 0,
}

for (const [name, config, rows, length] of [
  ['tiny, many rows', presets.tiny, 64, 64],
  ['tiny, one short row', presets.tiny, 1, 16],
  ['wide experts, no latent queries, no MTP, nothing shared', wide, 16, 64],
  ['nano, a short row', presets.nano, 1, 64],
] as const) {
  test(`the predicted heap is within 15 % of what training takes: ${name}`, async () => {
    const measured = await measuredBytes(config, rows, length)
    const { total } = planHeap(config, { microRows: rows, rowLength: length, optimizer })
    // The machine's own scratch, which does not grow with the model, is left out of the plan.
    const ratio = total / (measured - 300_000)
    assert.ok(ratio > 0.85 && ratio < 1.15, `predicted ${total}, measured ${measured}: ${ratio}`)
  })
}

const kept = { ...optimizer, emaDecay: 0.999 }
const settings: Readonly<Record<string, Partial<TrainingConfig>>> = {
  'an average in the heap': { optimizer: kept },
  'an average outside': { optimizer: { ...kept, averageIn: 'host' } },
  'moments in bf16': { optimizer: { ...optimizer, moments: 'bf16' } },
  'norms and up-projections made again': { recompute: true },
  'inputs in eight bits': { activations: 'fp8' },
  'all of it': { recompute: true, activations: 'fp8', optimizer: { ...kept, moments: 'bf16', averageIn: 'host' } },
}

for (const [name, own] of Object.entries(settings)) {
  for (const [size, config, rows, length] of [
    ['tiny', presets.tiny, 64, 64],
    ['nano', presets.nano, 2, 128],
  ] as const) {
    test(`so it is with ${name}, ${size}, and the average outside is counted apart`, async () => {
      const measured = await measuredBytes(config, rows, length, own)
      const plan = planHeap(config, { microRows: rows, rowLength: length, optimizer, ...own })
      const ratio = plan.total / (measured - 300_000)
      assert.ok(ratio > 0.85 && ratio < 1.15, `predicted ${plan.total}, measured ${measured}: ${ratio}`)
      const isOutside = own.optimizer?.averageIn === 'host'
      assert.equal(plan.outside, isOutside ? planHeap(config, { microRows: rows, rowLength: length, optimizer }).parameters / 4 : 0)
    })
  }
}

test('a run that would not fit is refused with the size that would', () => {
  const training = { microRows: 4, rowLength: 256, optimizer }
  assert.ok(checkHeap(presets.nano, training).total < 2 ** 28)
  assert.throws(
    () => checkHeap(presets.nano, { ...training, microRows: 4000 }),
    (error: Error) => {
      const microRows = Number(/training\.microRows=(\d+)/.exec(error.message)?.[1])
      assert.ok(checkHeap(presets.nano, { ...training, microRows }))
      assert.throws(() => checkHeap(presets.nano, { ...training, microRows: microRows + 1 }), /GiB/)
      return error.name === 'UsageError'
    },
  )
  assert.throws(
    () => checkHeap(presets['deepseek-v2-lite'], training),
    (error: Error) => {
      const [, width, dense, expert] = /model\.width=(\d+) model\.denseFfnWidth=(\d+) model\.expertFfnWidth=(\d+)/
        .exec(error.message)!
        .map(Number)
      const narrower = { ...presets['deepseek-v2-lite'], width, denseFfnWidth: dense, expertFfnWidth: expert }
      return checkHeap(narrower, { ...training, microRows: 1 }).total > 0
    },
  )
})
