import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../../base/random.ts'
import { createModel, forward, type Model, presets } from '../../architecture/index.ts'
import { differentiate, type LinearPrecision, Machine, type Scaling } from '../../compute/index.ts'
import { createAdamW, initialize, norm, stepAdamW } from '../../foundations/index.ts'
import { linearPrecision, statePrecision } from './carry-out.ts'
import { fp8Policies, type Fp8Policy } from './fp8-policy.ts'

const config = presets.tiny
const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1, emaDecay: null }
const [rows, length] = [4, 48]
const rowTokens = length + 1 + config.mtpDepth

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 2 })
})
after(() => machine.close())

function newModel(): Model {
  const model = createModel(machine, config, { withGradients: true, length })
  initialize(model.parameters.set, config.initStd, Random.seeded(1))
  return model
}

/** One forward and one backward pass. → what was asked of the precision, by the parameter's name */
function pass(model: Model, precision: LinearPrecision | null) {
  const rng = Random.seeded(2).fork('tokens')
  const tokens_BS = Int32Array.from({ length: rows * rowTokens }, () => rng.below(config.vocabSize))
  const nameOf = new Map(model.parameters.set.named.map(({ tensor, parts }) => [tensor.address, parts[0].name]))
  const asked = new Map<string, Map<string, Scaling | null>>()
  machine.precision = precision && {
    scalingOf: (operand) => {
      const scaling = precision.scalingOf(operand)
      const name = nameOf.get(operand.weight.base.address)!
      if (!asked.has(name)) asked.set(name, new Map())
      asked.get(name)!.set(`${operand.product} ${operand.operand}`, scaling)
      return scaling
    },
  }
  try {
    const batch = { rows, length, rowTokens, tokens_BS }
    differentiate(machine, () => forward(model, batch, { mtpWeight: 0.3, balanceWeight: 1e-4 }))
  } finally {
    machine.precision = null
  }
  return asked
}

const askedUnder = (policy: Fp8Policy) => {
  using _scope = machine.scope()
  const model = newModel()
  return pass(model, linearPrecision(policy, model.parameters.set))
}

test('the policy rounds every linear layer by the published scales, and leaves router and head alone', () => {
  const asked = askedUnder(fp8Policies.policy)
  const published = {
    'forward activation': { rows: 1, columns: 128 },
    'forward weight': { rows: 128, columns: 128 },
    'inputs gradient': { rows: 1, columns: 128 },
    'inputs weight': { rows: 128, columns: 128 },
    'weights gradient': { rows: 128, columns: 1 },
    'weights activation': { rows: 128, columns: 1 },
  }
  const names = [...asked.keys()]
  for (const part of ['q_a_proj', 'kv_b_proj', 'o_proj', 'mlp.gate_proj', 'experts.0.down_proj', 'shared_experts.gate_proj', 'eh_proj'])
    assert.ok(
      names.some((name) => name.includes(part)),
      part,
    )
  for (const [name, scalings] of asked) {
    const isWide = name === 'lm_head.weight' || name.endsWith('.mlp.gate.weight')
    const right = isWide ? Object.fromEntries([...scalings.keys()].map((key) => [key, null])) : published
    assert.deepEqual(Object.fromEntries(scalings), right, name)
  }
  assert.equal(names.filter((name) => name.endsWith('.mlp.gate.weight')).length, config.layerCount - config.denseLayerCount + 1)
})

test('each policy taken apart differs from the whole in what its name says, and in nothing else', () => {
  const whole = askedUnder(fp8Policies.policy).get('model.layers.0.self_attn.o_proj.weight')!
  const changedBy = (policy: Fp8Policy) => {
    const own = askedUnder(policy).get('model.layers.0.self_attn.o_proj.weight')!
    return [...own].filter(([key, scaling]) => JSON.stringify(scaling) !== JSON.stringify(whole.get(key))).map(([key]) => key)
  }
  assert.deepEqual(changedBy(fp8Policies.storageOnly), ['inputs gradient', 'weights gradient'])
  assert.deepEqual(changedBy(fp8Policies.computeOnly), ['weights activation'])
  assert.deepEqual(changedBy(fp8Policies.blockGradients), ['inputs gradient'])
  assert.equal(changedBy(fp8Policies.perTensor).length, 6)
})

test('without protection router and head are rounded too', () => {
  for (const [state, ending] of [
    ['router', '.mlp.gate.weight'],
    ['head', 'lm_head.weight'],
  ] as const) {
    const asked = askedUnder({ ...fp8Policies.policy, unprotected: [state] })
    for (const [name, scalings] of asked) if (name.endsWith(ending)) assert.ok([...scalings.values()].every((scaling) => scaling !== null))
    assert.ok([...asked].some(([name, scalings]) => !name.endsWith(ending) && [...scalings.values()].includes(null)))
  }
})

test('gradients in FP8 are near those in f32 and not equal to them, and all memory is returned', () => {
  using _scope = machine.scope()
  const model = newModel()
  const gradients = model.parameters.set.gradients!
  const under = (policy: Fp8Policy | null) => {
    gradients.data.fill(0)
    const level = machine.heap.levelBytes
    pass(model, policy && linearPrecision(policy, model.parameters.set))
    assert.equal(machine.heap.levelBytes, level)
    return gradients.toArray()
  }
  const exact = under(null)
  const size = Math.hypot(...exact)
  const distance = (got: Float32Array) => Math.hypot(...got.map((value, i) => value - exact[i])) / size
  const rounded = distance(under(fp8Policies.policy))
  assert.ok(rounded > 1e-3 && rounded < 0.3, `${rounded}`)
})

/** How many different magnitudes, scaled by the largest, the numbers of each parameter take. */
function codeCounts({ parameters: { set } }: Model, values: Float32Array): number[] {
  return set.named.map(({ tensor }) => {
    const from = (tensor.address - set.weights.address) / 4
    const matrix = tensor.shape.length === 3 ? tensor.count / tensor.shape[0] : tensor.count
    return new Set(values.subarray(from, from + matrix).map(Math.abs)).size
  })
}

test('sums and moments are in FP8 only where a policy leaves them unprotected', () => {
  using _scope = machine.scope()
  const model = newModel()
  const { set } = model.parameters
  assert.equal(statePrecision(fp8Policies.policy, set), undefined)
  const stepUnder = (unprotected: Fp8Policy['unprotected']) => {
    const state = createAdamW(set, optimizer, statePrecision({ ...fp8Policies.policy, unprotected }, set))
    set.gradients!.data.fill(0)
    pass(model, null)
    state.precision!.roundGradients()
    stepAdamW(state, set, optimizer, norm(set.gradients!), 1e-3)
    const most = (values: Float32Array) => Math.max(...codeCounts(model, values))
    return { sums: most(set.gradients!.toArray()), mean: most(state.mean.toArray()), square: most(state.square.toArray()) }
  }
  const sums = stepUnder(['sums'])
  assert.ok(
    sums.sums <= 127 && sums.mean <= 127 && sums.square <= 127,
    'moments of rounded gradients, after one step, are of few kinds too',
  )
  const moments = stepUnder(['moments'])
  assert.ok(moments.sums > 1000 && moments.mean <= 127 && moments.square <= 127)
})

test('moments that are kept in bf16 already are refused where a policy would keep them in E4M3', () => {
  using _scope = machine.scope()
  const { set } = newModel().parameters
  const bf16 = { ...optimizer, moments: 'bf16' as const }
  const state = createAdamW(set, bf16, statePrecision(fp8Policies.blind, set))
  set.gradients!.data.fill(0)
  assert.throws(() => stepAdamW(state, set, bf16, 0, 1e-3), /moments: expected f32, to be rounded to E4M3, got bf16/)
})
