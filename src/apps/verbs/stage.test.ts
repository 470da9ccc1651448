/** A run whose stages differ: what each verb takes, what it says about the others, and a conversation that is remembered. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { createModel, presets } from '../../architecture/index.ts'
import { Random } from '../../base/random.ts'
import { Machine } from '../../compute/index.ts'
import { createAdamW, initialize, trainTokenizer } from '../../foundations/index.ts'
import { createRunFolder, writeCheckpoint, writeModelFolder } from '../../infrastructure/index.ts'

const place = mkdtempSync(path.join(tmpdir(), 'strata-stage-'))
after(() => rmSync(place, { recursive: true, force: true }))
const at = (...names: string[]) => path.join(place, ...names)

before(async () => {
  const machine = await Machine.start({ threads: 1 })
  const tokenizer = trainTokenizer(['a plain sentence behind it. '.repeat(20)], { vocabSize: 300 })
  const model = createModel(machine, presets.tiny, { withGradients: false })
  const settings = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1, emaDecay: null }
  const optimizer = createAdamW(model.parameters.set, settings)
  createRunFolder(at('run'), {}).close()
  writeFileSync(at('run', 'tokenizer.json'), tokenizer.toJson())
  const rest = { random: [], data: null, schedule: {}, recipeHash: 'a', dataHash: 'b', tokens: 100 }
  for (const [seed, stage] of ['pretrain', 'extend-1', 'sft'].entries()) {
    initialize(model.parameters.set, 0.3, Random.seeded(seed))
    writeCheckpoint(at('run'), { model, optimizer, state: { ...rest, stage, step: 10 * seed + 1 } })
    writeModelFolder(at(stage), model, tokenizer)
  }
  writeModelFolder(at('run', 'model'), model, tokenizer)
  machine.close()
})

const cli = path.join(import.meta.dirname, '..', 'cli.ts')

/** Runs the command in a process of its own, `input` on its standard input. */
function strata(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { cwd: place, input, encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}
const generate = (...args: readonly string[]) =>
  strata(['generate', ...args, '--prompt', 'a plain', '--max-tokens', '6', '--temperature', '0', '--threads', '1'])

test('the base model is the last one before fine-tuning, and without a stage it is the run’s result', () => {
  const [base, extended] = [generate('run', '--stage', 'base'), generate('extend-1')]
  assert.equal(base.out, extended.out, base.err)
  const result = generate('run')
  assert.equal(result.out, generate('sft').out)
  assert.equal(generate('run', '--stage', 'sft').out, result.out)
  assert.notEqual(base.out, result.out)
})

test('a fine-tuned model points to chat and to the base model, a base model to fine-tuning', () => {
  const fineTuned =
    /This model was fine-tuned to answer\. Talk with it: .* chat run; for plain text take the base model: .* generate run --stage base\n/
  assert.match(generate('run').err, fineTuned)
  for (const args of [['run', '--stage', 'base'], ['sft'], ['run', '--quiet']]) assert.doesNotMatch(generate(...args).err, /fine-tuned/)
  const chat = ['chat', 'run', '--message', 'Hi', '--max-tokens', '2', '--threads', '1']
  assert.match(strata([...chat, '--stage', 'base']).err, /This is the base model, which was not trained to answer\. Leave --stage away/)
  assert.doesNotMatch(strata(chat).err, /base model/)
})

test('a stage that is not there is refused with those that are', () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['run', '--stage', 'rl'], /run: expected a run with a checkpoint of the stage rl, got one without\. It has base, sft\.\n/],
    [
      ['sft', '--stage', 'base'],
      /sft: expected a run with a checkpoint of the stage base, got one without\. Only the folder of a run has stages\.\n/,
    ],
    [['nothing', '--stage', 'base'], /nothing: expected a model folder, a run folder or a config\.json, got nothing there\./],
    [['run', '--stage', 'bse'], /--stage: expected one of base, sft, rl, got "bse"\. Did you mean "base"\?/],
  ]
  for (const [args, pattern] of cases) {
    const { status, out, err } = generate(...args)
    assert.deepEqual([status, out], [2, ''])
    assert.match(err, pattern)
  }
})

test('inspect names every stage of a run', () => {
  const { out } = strata(['inspect', 'run'])
  assert.match(
    out,
    /checkpoints: pretrain at step 1 \(100 tokens\), extend-1 at step 11 \(100 tokens\), sft at step 21 \(100 tokens\), in /,
  )
  assert.match(out, /, with the copies of embedding and head that the layout has in each MTP layer\n/)
  assert.match(
    out,
    /^run: \S+ parameters, of which a token activates \S+; with the MTP module, which generation needs for drafts only, \S+\n/,
  )
})

test('a conversation has the replies of its messages one by one', () => {
  const options = ['--max-tokens', '8', '--threads', '1']
  const replies = strata(['chat', 'run', ...options], 'a plain\n').out
  const first = JSON.parse(strata(['chat', 'run', ...options, '--message', 'a plain', '--json']).out) as { reply: string }
  assert.equal(replies, `${first.reply}\n`)
  assert.equal(strata(['chat', 'run', ...options], 'a plain\nbehind it\n').out.split('\n')[0], first.reply.split('\n')[0])
})

test('drafts are compared with decoding that has none', () => {
  const { err } = generate('run', '--speculate')
  assert.match(err, /drafts kept, .* tokens a step; about \d+\.\d times as fast as without drafts/)
})
