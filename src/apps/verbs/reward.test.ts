import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Random } from '../../base/random.ts'
import { createModel } from '../../architecture/index.ts'
import { Machine } from '../../compute/index.ts'
import { createAdamW, initialize } from '../../foundations/index.ts'
import { writeCheckpoint } from '../../infrastructure/index.ts'
import { configAfter, prepareText, recipes } from '../../pretraining/index.ts'
import { readRunFacts } from '../../report/index.ts'
import { testRunDocument } from '../../report/test-run.ts'

const parent = mkdtempSync(path.join(os.tmpdir(), 'strata-reward-verb-'))
const run = path.join(parent, 'run')
const cli = path.join(import.meta.dirname, '..', 'cli.ts')

/** A run whose fine-tuned model is an untrained one, and whose verifier likes the letter e. */
before(async () => {
  const verifier = path.join(parent, 'verifier.mjs')
  writeFileSync(verifier, `export const verify = (problem, reply) => reply.includes('e')`)
  const base = recipes.tiny()
  const rl = { ...base.rl!, steps: 2, problemsPerStep: 12, samplesPerProblem: 4, maxTokens: 5, heldOutProblems: 16, verifier }
  const recipe = { ...base, rl }
  const { tokenizer } = await prepareText(recipe, {})
  mkdirSync(path.join(run, 'checkpoints'), { recursive: true })
  writeFileSync(path.join(run, 'recipe.json'), JSON.stringify({ ...testRunDocument(), recipe }))
  writeFileSync(path.join(run, 'tokenizer.json'), tokenizer.toJson())
  writeFileSync(path.join(run, 'events.jsonl'), '{"type":"run/stage","stage":"data","seconds":1,"at":0}\n')
})
after(() => rmSync(parent, { recursive: true }))

function strata(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}

test('a run that is not fine-tuned yet is refused with the command that does it', () => {
  const { status, err, out } = strata('reward', run)
  assert.deepEqual([status, out], [2, ''])
  assert.match(err, /expected a run with a fine-tuned model, got one without\. Fine-tune it first: .* sft /)
})

test('the reward model is saved, measured, judged beside others, and tests both claims in the report', async () => {
  const machine = await Machine.start({ threads: 1, dialect: 'plain' })
  const { recipe } = readRunFacts(run).document
  const model = createModel(machine, configAfter(recipe, 'sft'), { withGradients: false })
  initialize(model.parameters.set, model.config.initStd, Random.seeded(recipe.seed))
  const optimizer = createAdamW(model.parameters.set, recipe.training.optimizer)
  const state = { stage: 'sft', step: 0, tokens: 0, random: [], data: null, schedule: {}, recipeHash: '', dataHash: '' }
  writeCheckpoint(run, { model, optimizer, state })
  machine.close()

  const { status, out, err } = strata('reward', run, '--threads', '1', '--json', '--quiet')
  assert.equal(status, 0, err)
  const { events, isWhole } = JSON.parse(out) as { events: { type: string }[]; isWhole: boolean }
  assert.equal(isWhole, true)
  assert.deepEqual(
    [...new Set(events.map(({ type }) => type))],
    ['reward/training', 'reward/agreement', 'reward/best-of', 'evaluation/judges', 'reward/policy'],
  )
  assert.ok(existsSync(path.join(run, 'reward-model.safetensors')))

  const again = strata('reward', run, '--threads', '1')
  assert.match(again.out, /^Agreement with the verifier \d/, 'it is not trained again')
  assert.match(again.out, /Best of n[^]*Judges of \d+ pairs[^]*by construction[^]*A policy optimised/)
  const { claims } = JSON.parse(strata('report', run, '--claims', '--json').out) as { claims: { id: string; outcome: string }[] }
  for (const id of ['posttraining.model-rewards', 'evaluation.weak-judges'])
    assert.notEqual(claims.find((claim) => claim.id === id)!.outcome, 'not tested')
})
