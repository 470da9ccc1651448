import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, mock, test } from 'node:test'
import { Command } from 'commander'
import { UsageError } from '../../base/errors.ts'
import { register as registerBalance } from './balance.ts'
import { register as registerPlan } from './plan.ts'
import { register as registerSchedule } from './schedule.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'strata-plan-'))
after(() => rmSync(folder, { recursive: true }))

const file = (name: string, contents: string) => {
  const target = path.join(folder, name)
  writeFileSync(target, contents)
  return target
}

/** Runs one command line and returns what it wrote to standard output. */
async function strata(...args: string[]): Promise<string> {
  const program = new Command('strata').exitOverride().configureOutput({ writeErr: () => {} })
  for (const register of [registerSchedule, registerBalance, registerPlan]) register(program)
  let written = ''
  const spy = mock.method(process.stdout, 'write', (text: string) => {
    written += text
    return true
  })
  try {
    await program.parseAsync(args, { from: 'user' })
  } finally {
    spy.mock.restore()
  }
  return written
}
const document = async (...args: string[]) => JSON.parse(await strata(...args, '--json')) as Record<string, never>

describe('strata schedule', () => {
  test('--json is one document with the interface’s keys', async () => {
    const answer = await document(
      'schedule',
      'dualpipe',
      '--ranks',
      '8',
      '--microbatches',
      '20',
      '--forward',
      '1',
      '--backward',
      '2',
      '--weight',
      '1',
      '--overlapped',
      '3',
    )
    assert.equal(answer['makespan'], 66)
    assert.deepEqual(answer['idle'], Array(8).fill(6))
    assert.equal(answer['formulaBubble'], 6)
    assert.deepEqual(answer['peakActivations'], Array(8).fill(9))
    assert.equal((answer['operations'] as unknown[]).length, 8)
  })
  test('writes a figure and a trace', async () => {
    const [svg, trace] = [path.join(folder, 'a.svg'), path.join(folder, 'a.json')]
    await strata('schedule', '1f1b', '--ranks', '4', '--microbatches', '8', '--svg', svg, '--trace', trace)
    assert.match(readFileSync(svg, 'utf8'), /^<svg/)
    assert.ok(Array.isArray((JSON.parse(readFileSync(trace, 'utf8')) as { traceEvents: unknown }).traceEvents))
  })
  test('bad input names every violation', async () => {
    await assert.rejects(strata('schedule', 'dualpipe', '--ranks', '7', '--microbatches', 'x', '--forward', '-1'), (error: unknown) => {
      return error instanceof UsageError && /2 things.*microbatches: expected a number, got "x".*forward/s.test(error.message)
    })
    await assert.rejects(strata('schedule', 'dualpip', '--ranks', '2', '--microbatches', '4'), /Did you mean "dualpipe"/)
    await assert.rejects(
      strata('schedule', 'gpipe', '--ranks', '', '--microbatches', '2', '--forward', 'nan'),
      /2 things are wrong.*ranks: expected a number, got "".*forward: expected a number, got "nan"/s,
    )
    await assert.rejects(strata('schedule', 'zigzag', '--ranks', '2', '--microbatches', '4'), /expected one of gpipe/)
    await assert.rejects(
      strata('schedule', '1f1b', '--ranks', '2', '--microbatches', '4', '--svg', path.join(folder, 'no', 'a.svg')),
      UsageError,
    )
  })
})

describe('strata balance', () => {
  const loads = file('loads.json', '[[90,132,40,61,104,165,39,4,73,56,183,86],[20,107,104,64,19,197,187,157,172,86,16,27]]')
  const shape = ['--replicas', '16', '--groups', '4', '--nodes', '2', '--gpus', '8']
  test('--json has the maps of the published example', async () => {
    const answer = await document('balance', '--loads', loads, ...shape)
    assert.deepEqual((answer['physicalToLogical'] as number[][])[0], [5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1])
    assert.deepEqual((answer['logicalToPhysical'] as number[][][])[0].slice(0, 2), [
      [12, -1],
      [15, 13],
    ])
    assert.deepEqual(Object.keys(answer), ['physicalToLogical', 'logicalToPhysical', 'replicaCounts', 'gpuLoads'])
  })
  test('two hundred thousand devices are placed', async () => {
    const many = ['--replicas', '200000', '--groups', '1', '--nodes', '1', '--gpus', '200000']
    assert.match((await strata('balance', '--loads', file('one.json', '[[1,2]]'), ...many)).slice(0, 200), /busiest device 1\.000 x/)
  })
  test('a missing or malformed file is a usage error', async () => {
    await assert.rejects(strata('balance', '--loads', path.join(folder, 'none.json'), ...shape), UsageError)
    await assert.rejects(strata('balance', '--loads', file('bad.json', '[[1,2],[3]]'), ...shape), /layer 1: expected 2 experts/)
    await assert.rejects(
      strata('balance', '--loads', loads, '--replicas', 'x', '--gpus', '7.5'),
      /replicas: expected a number, got "x".*gpus.*7\.5/s,
    )
  })
})

describe('strata plan', () => {
  test('the bare command plans the published run', async () => {
    const answer = (await document('plan')) as unknown as {
      parameters: { total: number }
      step: { seconds: number }
      memoryPerDevice: { total: number }
    }
    assert.equal(answer.parameters.total, 671_026_419_200)
    assert.ok(Math.abs(answer.step.seconds / 19.926 - 1) < 0.1)
    assert.ok(answer.memoryPerDevice.total < 80e9)
  })
  test('the text counts one of a thing as one, and short times are not nought', async () => {
    const text = await strata('plan', 'nano', '--cluster', 'h100x8')
    assert.doesNotMatch(text, /\b1 (?:nodes|stages|ranks|pipeline ranks|devices)\b|0\.00 s/)
  })
  test('a config.json, a setting and a routing trace are used', async () => {
    const config = {
      architectures: ['DeepseekV3ForCausalLM'],
      model_type: 'deepseek_v3',
      vocab_size: 129_280,
      hidden_size: 7168,
      num_hidden_layers: 61,
      num_attention_heads: 128,
      num_key_value_heads: 128,
      q_lora_rank: 1536,
      kv_lora_rank: 512,
      qk_nope_head_dim: 128,
      qk_rope_head_dim: 64,
      v_head_dim: 128,
      first_k_dense_replace: 3,
      intermediate_size: 18_432,
      moe_intermediate_size: 2048,
      n_routed_experts: 256,
      n_shared_experts: 1,
      num_experts_per_tok: 8,
      n_group: 8,
      topk_group: 4,
      scoring_func: 'sigmoid',
      topk_method: 'noaux_tc',
      norm_topk_prob: true,
      routed_scaling_factor: 2.5,
      hidden_act: 'silu',
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      max_position_embeddings: 4096,
      tie_word_embeddings: false,
      attention_bias: false,
      num_nextn_predict_layers: 1,
    }
    const answer = (await document(
      'plan',
      file('config.json', JSON.stringify(config)),
      '--set',
      'layout.pipelineRanks=16',
      '--set',
      'layout.expertRanks=64',
      '--set',
      'layout.schedule=dualpipe',
      '--routing',
      file('trace.json', '[[[0,1,32,33,64,65,96,97]]]'),
    )) as unknown as {
      parameters: { total: number }
      routing: { nodesPerToken: number }
    }
    assert.equal(answer.parameters.total, 671_026_419_200)
    assert.equal(answer.routing.nodesPerToken, 4)
  })
  test('a recipe is a module whose default export has a model', async () => {
    const presets = path.join(import.meta.dirname, '../../architecture/presets.ts')
    const recipe = file('recipe.ts', `import { presets } from ${JSON.stringify(presets)}\nexport default () => ({ model: presets.nano })\n`)
    assert.match(await strata('plan', recipe), /recipe.ts on laptop/)
    await assert.rejects(strata('plan', file('empty.ts', 'export default { model: { width: 7 } }\n')), UsageError)
  })
  test('this machine as probed: a local step', async () => {
    const probe = file('probe.json', '{"probe":{"gflopsOneThread":58,"gflopsAllThreads":115,"streamGBs":20},"results":[]}')
    const answer = (await document('plan', 'bench', '--probe', probe)) as unknown as {
      step: { seconds: number }
      memoryPerDevice: { total: number }
    }
    assert.ok(answer.step.seconds > 0.5 && answer.memoryPerDevice.total > 2 ** 28)
    assert.match(await strata('plan', 'bench', '--probe', probe), /Memory\n.*\n.*\n\nStep/)
  })
  test('--validate prints every row and leaves the status alone when all hold', async () => {
    assert.match(await strata('plan', '--validate'), /All \d+ rows hold/)
    assert.ok(!process.exitCode)
  })
  test('the planned step is drawn, with the lanes of a pair, and traced', async () => {
    const [svg, pair, trace] = ['s.svg', 'p.svg', 's.json'].map((name) => path.join(folder, name)) as [string, string, string]
    await strata('plan', '--svg', svg, '--pair-svg', pair, '--trace', trace)
    assert.match(readFileSync(svg, 'utf8'), /DualPipe: 16 ranks, 120 micro-batches/)
    assert.match(readFileSync(pair, 'utf8'), /118 ms in all, 129 ms with launches and waits.*attn F.*comb F/s)
    const plain = ['--set', 'layout.schedule=zb1p', '--set', 'layout.expertRanks=16']
    await assert.rejects(strata('plan', ...plain, '--pair-svg', pair), /overlapped pairs, dualpipe or dualpipev, got zb1p/)
    assert.doesNotMatch(readFileSync(pair, 'utf8'), /NaN|undefined/)
    assert.ok(readFileSync(trace, 'utf8').length > 1000)
  })
  test('nothing is ignored silently', async () => {
    await assert.rejects(strata('plan', '--validate', '--cluster', 'h800x8'), /--validate without what it does not read, got --cluster/)
    await assert.rejects(strata('plan', '--search', '--set', 'layout.pipelineRanks=8'), /layout.pipelineRanks=8/)
    await assert.rejects(strata('plan', 'bench', '--set', 'layout.expertRanks=2'), /layout.expertRanks=2/)
    await assert.rejects(
      strata('schedule', 'gpipe', '--ranks', '2', '--microbatches', '4', '--chunks', '2'),
      /interleaved, the only schedule/,
    )
  })
  test('what cannot be planned is a usage error that says why', async () => {
    await assert.rejects(strata('plan', 'deepsek-v3'), /Did you mean "deepseek-v3"/)
    await assert.rejects(strata('plan', '--set', 'layout.pipelineRanks=15', '--set', 'tokens=-1'), /2 things are wrong/)
    await assert.rejects(strata('plan', '--cluster', 'h800x64'), /too much/)
    await assert.rejects(strata('plan', '--set', 'layout.savings.fp8ActivationCache=false'), /GiB more than/)
    await assert.rejects(strata('plan', '--search', '--what-if', 'precision'), /one of --validate/)
    await assert.rejects(strata('plan', file('broken.json', '{"model_type":"gpt2"}')), UsageError)
    await assert.rejects(strata('plan', '--routing', file('broken-trace.json', '[[[1]]]')), /layer 0, token 0/)
    await assert.rejects(strata('plan', '--cluster', 'laptop'), /for weights, gradients and moments\. No batch is small enough/)
    await assert.rejects(strata('plan', 'bench', '--set', 'layout.batchSequences=1000'), /Set fewer sequences/)
    await assert.rejects(strata('plan', 'bench', '--search'), /one device without what it does not read, got --search/)
  })
})
