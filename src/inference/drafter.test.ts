import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createModel, forward, presets } from '../architecture/index.ts'
import { Random } from '../base/random.ts'
import { Machine, PackedWeights } from '../compute/index.ts'
import { initialize } from '../foundations/index.ts'
import { Drafter } from './drafter.ts'
import { LatentCache } from './latent-cache.ts'
import { prefill } from './prefill.ts'

test('what the module drafts has the loss that training reports for it, one row at a time or several', async () => {
  const machine = await Machine.start({ threads: 2 })
  const model = createModel(machine, presets.tiny, { withGradients: false })
  initialize(model.parameters.set, 0.2, Random.seeded(1))
  const rng = Random.seeded(2)
  const { vocabSize: V, width: D } = model.config
  const length = 21
  const tokens_BS = Int32Array.from({ length: length + 2 }, () => rng.below(V))
  let hidden = new Float32Array()
  prefill(new LatentCache(model), tokens_BS.subarray(0, length), null, (rows) => void (hidden = Float32Array.from(rows)))
  const trained = (() => {
    using _step = machine.scope()
    return forward(model, { rows: 1, length, rowTokens: length + 2, tokens_BS }, { mtpWeight: 1, balanceWeight: 0 }).mtp[0]
  })()
  const drafter = new Drafter(model, new PackedWeights(model.machine), 4)
  const cache = new LatentCache(model, 8, 1)
  let total = 0
  for (let t = 0; t < length; t++) {
    const row = drafter.draft(cache, hidden.subarray(t * D, (t + 1) * D), [tokens_BS[t + 1]])
    const top = row.reduce((most, x) => Math.max(most, x), -Infinity)
    total += top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0)) - row[tokens_BS[t + 2]]
  }
  assert.ok(Math.abs(total / length - trained) < 1e-4 * trained, `${total / length} against ${trained}`)
  const last = drafter.draft(new LatentCache(model, 8, 1), hidden, tokens_BS.subarray(1, length + 1)).slice()
  cache.truncate(length - 1)
  assert.deepEqual(last, drafter.draft(cache, hidden.subarray((length - 1) * D), [tokens_BS[length]]).slice())
  machine.close()
})
