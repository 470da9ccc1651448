/** A whole run on the vendored corpus, without a network: text to tokenizer to model to scores to text again. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Machine } from '../src/compute/index.ts'
import { Engine, generate } from '../src/inference/index.ts'
import { loadModelFolder } from '../src/infrastructure/index.ts'
import { Workplace } from './end-to-end-helpers.ts'

interface Summary {
  readonly status: string
  readonly training: {
    readonly tokens: number
    readonly lossNats: { readonly first: number; readonly last: number }
    readonly peakShare: number
  }
  readonly scores: readonly { readonly domain: string; readonly bitsPerByte: number; readonly compressors: { readonly gzip: number } }[]
  readonly samples: readonly { readonly domain: string; readonly text: string }[]
  readonly warnings: readonly string[]
  readonly paths: { readonly model: string }
}

test('a run trains, writes a model that generates, scores it, and is not done twice', async () => {
  using place = new Workplace()
  const { status, stdout, stderr } = await place.run('run', 'tiny', '--threads', '1', '--json', '--quiet')
  assert.equal(status, 0, stderr)
  assert.equal(stderr, '')
  const summary = JSON.parse(stdout) as Summary
  assert.equal(summary.status, 'complete')
  assert.ok(summary.training.lossNats.last < summary.training.lossNats.first - 0.3)
  assert.ok(summary.training.peakShare > 0)
  assert.deepEqual(
    summary.scores.map(({ domain }) => domain),
    ['prose', 'facts', 'code', 'technical', 'multilingual', 'maths'],
  )
  for (const { bitsPerByte, compressors } of summary.scores) assert.ok(bitsPerByte > 0 && bitsPerByte < 8 && compressors.gzip > 0)
  assert.equal(new Set(summary.samples.map(({ domain }) => domain)).size, 3)

  assert.deepEqual(readdirSync(place.at('runs', 'tiny')).sort(), [
    'checkpoints',
    'events.jsonl',
    'model',
    'recipe.json',
    'report.html',
    'tokenizer.json',
  ])
  const machine = await Machine.start({ threads: 1 })
  const { model, tokenizer } = loadModelFolder(machine, place.at('runs', 'tiny'), { withGradients: false })
  const pieces = generate(new Engine(model, tokenizer!), tokenizer!.encode('The '), { maxTokens: 12, seed: 1 })
  assert.ok(Array.from(pieces, ({ text }) => text).join('').length > 0)
  machine.close()

  const eventsBytes = statSync(place.at('runs', 'tiny', 'events.jsonl')).size
  const again = await place.run('run', 'tiny', '--threads', '1', '--json')
  assert.equal(again.status, 0)
  assert.deepEqual(JSON.parse(again.stdout), summary)
  assert.match(again.stderr, /nothing was done again/)
  assert.equal(statSync(place.at('runs', 'tiny', 'events.jsonl')).size, eventsBytes)
})

test('offline with nothing cached, the first run says so and trains on the vendored corpus', async () => {
  using place = new Workplace()
  const small = [
    'training.tokens=1024',
    'evaluation.bytesPerDomain=300',
    'evaluation.scoresAlongTheWay=0',
    'evaluation.itemsPerTask=8',
    'samples.maxTokens=4',
  ]
  const without = ['extension=null', 'sft=null', 'rl=null', 'ablations=null']
  const { status, stdout, stderr } = await place.run(
    'start',
    '--threads',
    '1',
    ...[...small, ...without].flatMap((setting) => ['--set', setting]),
  )
  assert.equal(status, 0, stderr)
  assert.match(stderr, /warning: .*the small vendored corpus is used instead/)
  assert.match(stdout, /note: .*vendored corpus/)
  assert.match(stdout, /gzip -9/)
  assert.match(stdout, /MTP/)
  assert.ok(existsSync(place.at('runs', 'first', 'model', 'config.json')))
})

test('your own text and your own recipe', async () => {
  using place = new Workplace()
  const text = Array.from(
    { length: 400 },
    (_, i) => `entry ${i}: the ${['red', 'green', 'blue'][i % 3]} lamp is on the ${['left', 'right'][i % 2]}.\n`,
  )
  writeFileSync(place.at('notes.txt'), text.join(''))
  writeFileSync(
    place.at('mine.ts'),
    `import { recipes } from ${JSON.stringify(new URL('../src/pretraining/index.ts', import.meta.url).href)}
     const tiny = recipes.tiny()
     export default () => ({ ...tiny, name: 'mine', training: { ...tiny.training, tokens: 4096 } })`,
  )
  const { status, stdout, stderr } = await place.run('pretrain', 'mine.ts', '--data', 'notes.txt', '--threads', '1', '--json')
  assert.equal(status, 0, stderr)
  const { tokens } = (JSON.parse(stdout) as Summary).training
  assert.ok(tokens >= 4096 && tokens < 4096 + 512)
  assert.ok(existsSync(place.at('runs', 'mine', 'model', 'model.safetensors')))
})

test('a budget derives model and tokens, and the derivation stands in the record', async () => {
  using place = new Workplace()
  const { status, stderr } = await place.run('pretrain', 'tiny', '--budget', '4s', '--threads', '1', '--json')
  assert.equal(status, 0, stderr)
  assert.match(stderr, /budget .*tokens/)
  assert.match(stderr, /warning: --budget 4\.0 s is less than the set-up takes/)
  const { recipe, derivation } = JSON.parse(readFileSync(place.at('runs', 'tiny', 'recipe.json'), 'utf8')) as {
    recipe: { name: string; model: { width: number }; training: { tokens: number } }
    derivation: readonly string[]
  }
  assert.equal(recipe.name, `tiny-${recipe.model.width}`)
  assert.ok(recipe.training.tokens > 0)
  assert.ok(derivation.length >= 4)
})

test('what is wrong is said at once, all of it, and nothing is begun', async () => {
  using place = new Workplace()
  const refused = async (pattern: RegExp, ...args: readonly string[]) => {
    const { status, stdout, stderr } = await place.run(...args)
    assert.equal(status, 2, stderr)
    assert.match(stderr, pattern)
    assert.equal(stdout, '')
  }
  await refused(/Did you mean "nano"/, 'run', 'nanno')
  await refused(/no task or family of tasks is called "letter"/, 'run', 'tiny', '--set', 'rl.tasks=letter')
  await refused(/nothere\.mjs: expected a module with a verifier/, 'run', 'tiny', '--set', 'rl.verifier=./nothere.mjs')
  await refused(/ablation: expected the name of an ablation/, 'run', 'tiny', '--set', 'ablations.names=mpt')
  await refused(/there is no task called "gramar"/, 'run', 'tiny', '--set', 'evaluation.tasks=gramar')
  await refused(
    /3 things are wrong[^]*warmup[^]*training\.rows[^]*model\.widht/,
    'run',
    'tiny',
    '--set',
    'training.schedule.warmup=3',
    '--set',
    'training.rows=many',
    '--set',
    'model.widht=3',
  )
  await refused(
    /2 things are wrong[^]*activeExpertCount[^]*training\.microRows/,
    'run',
    'tiny',
    '--set',
    'model.activeExpertCount=12',
    '--set',
    'training.microRows=99',
  )
  await refused(
    /heap: expected at most 4\.00 GiB[^]*would fit with/,
    'pretrain',
    'tiny',
    '--set',
    'training.rows=400000',
    '--set',
    'training.microRows=400000',
  )
  await refused(/--budget derives this/, 'run', 'nano', '--budget', '10m', '--set', 'model.width=64')
  await refused(/expected files|expected .*, got nothing/, 'pretrain', 'tiny', '--data', 'nowhere.txt')
  await refused(/to go on with, got none/, 'pretrain', 'runs/none', '--resume')
  assert.equal(existsSync(place.at('runs')), false)
  writeFileSync(place.at('tiny.txt'), 'a b c')
  await refused(/at least one row|expected/, 'pretrain', 'tiny', '--data', 'tiny.txt')
  assert.equal(existsSync(place.at('runs')), false)
})

test('a disk without room is said, and earlier results stay whole', { skip: process.platform !== 'linux' }, async () => {
  using place = new Workplace()
  const first = await place.run('pretrain', 'tiny', '--threads', '1', '--quiet')
  assert.equal(first.status, 0, first.stderr)
  const weights = place.at('runs', 'tiny', 'model', 'model.safetensors')
  const before = readFileSync(weights)
  // No file may pass 200 to 400 KiB, by the shell's unit: events fit, weights do not.
  const { status, stderr } = await place.startIn('ulimit -f 400; exec "$@"', 'pretrain', 'tiny', '--name', 'second', '--threads', '1')
    .finished
  assert.equal(status, 2, stderr)
  assert.match(stderr, /error: .*pretrain-42.*: expected room/)
  assert.deepEqual(readdirSync(place.at('runs', 'second', 'checkpoints')), [])
  assert.equal(existsSync(place.at('runs', 'second', 'model')), false)
  assert.deepEqual(readFileSync(weights), before)
  const repaired = await place.run('pretrain', 'runs/second', '--resume', '--threads', '1', '--quiet')
  assert.equal(repaired.status, 0, repaired.stderr)
  assert.deepEqual(readFileSync(place.at('runs', 'second', 'model', 'model.safetensors')), before)
})
