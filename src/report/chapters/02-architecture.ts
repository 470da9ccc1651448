/** Chapter 02: attention on latents, position by rotation, sparse experts and how they are kept even. */
import { latentCacheBytesPerToken, presets } from '../../architecture/index.ts'
import { formatBytes } from '../../base/format.ts'
import { cite, figureReference, formula, maths, published, sidenote, table, tableReference } from '../blocks.ts'
import { ablationsOf, differenceText, lossResults, sizeText, unitText } from '../claims/ablation-facts.ts'
import { balanceInDesign } from '../claims/architecture-balance-in-design.ts'
import { constrainedRouting } from '../claims/architecture-constrained-routing.ts'
import { cacheOf, latentCache } from '../claims/architecture-latent-cache.ts'
import { insideAndBeyond, lossAt, longestWindow, rotaryPosition } from '../claims/architecture-rotary-position.ts'
import { trafficOf } from '../claims/sequence-routing-to-traffic.ts'
import { areBiasesAtRest, idleExperts, idleShare, leastInTraining } from '../findings/idle-experts.ts'
import { gainOf, lastStagedStage, positionsOf } from '../findings/long-context.ts'
import { endsOf } from '../findings/trace-ends.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Chapter } from '../types.ts'
import { changed, counted, digits, listed, nats, percent, signed } from '../wording.ts'
import { evidence, missing } from './placed.ts'

export const architectureChapter: Chapter = {
  name: 'architecture',
  decides,
  inherited,
  mechanism: (run) => html`${attention(run)}${rotation(run)}${experts(run)}${balance(run)}`,
  measured: (run) => html`${cache(run)}${position(run)}${sparsity(run)}${evenness(run)}`,
  handsOn,
}

function decides(): Html {
  return html`<p>
      Foundations have set the price of a token; the architecture decides what is bought with it. In DeepSeek-V3 two purchases stand out.
      Attention no longer keeps keys and values of every head for every token, but one short vector from which they can be made. And most of
      the network is split into many small experts of which a token visits a few, so that the model can be large without a token being dear.
    </p>
    <p>
      Both are decisions about other layers. The short vector was chosen for inference, whose memory is full of what attention has to
      remember. The experts were chosen for training at a given budget, and at once raise the question of who sends what to whom, which is
      the next chapter’s.
    </p> `
}

function inherited(run: RunFacts): Html {
  const { model, training } = run.document.recipe
  const steps = run.steps('pretrain')
  return html`<p>
      From foundations this layer takes a width of ${model.width} and ${model.layerCount} layers that the budget paid for
      (${published('7,168 and 61')}), a loss that is the same wherever a weight sits, and rows of ${training.rowLength} tokens
      (${published('4,096')}), which is all that attention will have seen of the past before the window is extended. It also takes the
      optimiser’s indifference: nothing in cross-entropy asks that experts be used evenly, and
      ${steps.length > 0 ? html`in the first batch of this run, of ${steps[0].batchTokens} tokens and before anything was learnt, the busiest expert of a router got ${percent(steps[0].maxViolation.mean)} more of them than the mean expert, in the mean over the routers` : html`an untrained router is not even`}.
    </p>
    <p>
      From the far end it takes a wish. A server can only hold as many conversations as its memory holds caches, and reads the whole of a
      cache for every token that it writes.
    </p> `
}

function attention(run: RunFacts): Html {
  const { model } = run.document.recipe
  return html`<h4>Latent attention</h4>
    <p>
      Attention compares a query with the keys of all tokens before it and mixes their values by how well they fit. Usually each head’s keys
      and values of each token are kept. Multi-head latent attention keeps a compressed vector ${maths('c')} of ${model.keyValueRank}
      numbers instead, and expands it into keys and values when they are needed${cite('deepseek-v2', 'section 2.1')}. Position cannot pass
      through that compression, so a small rotated key ${maths('k^R')} of ${model.ropeWidth} numbers, shared by all heads, stands beside it:
    </p>
    ${formula(String.raw`c_t = W_{DKV}\,x_t, \qquad k^R_t = \operatorname{RoPE}(W_{KR}\,x_t)`)}
    ${formula(String.raw`k_{t,i} = [\,W_{UK,i}\,c_t;\ k^R_t\,], \qquad v_{t,i} = W_{UV,i}\,c_t`)}
    ${formula(String.raw`o_{t,i} = \sum_{s \le t} \operatorname{softmax}_s\!\left(\frac{q_{t,i}\cdot k_{s,i}}{\sqrt{d_N + d_R}}\right) v_{s,i}`)}
    <p>
      The matrices that expand can change sides. Since ${maths(String.raw`q \cdot W c = (W^{\top} q) \cdot c`)}, a decoder multiplies the
      query once and then works on the latents as they lie in the cache. Training uses the first form, in
      <code>src/architecture/mla.ts</code>, decoding the second, in <code>src/inference/decode.ts</code>; a test holds them equal to
      rounding.
    </p> `
}

function rotation(run: RunFacts): Html {
  const { model } = run.document.recipe
  return html`<h4>Position by rotation</h4>
    <p>
      Order enters attention by turning. Queries and keys are taken as pairs of numbers, arrows in a plane, and each pair is turned by an
      angle that grows with the token’s position. The product of a query and a key then depends on the difference of their angles, that is,
      on how far apart they are${cite('rope')}:
    </p>
    ${formula(String.raw`\langle R_{t\theta}\,q,\ R_{s\theta}\,k\rangle = \langle R_{(t-s)\theta}\,q,\ k\rangle, \qquad \theta_i = ${model.ropeTheta}^{-2i/${model.ropeWidth}}`)}
    <p>
      Slow pairs make less than one turn in the trained window. Beyond it they reach angles that no weight has ever seen, and there lies the
      tension of long contexts: nothing in the formula ends at the window, but everything that was learnt does. YaRN relieves it by slowing
      the slow pairs down and leaving the fast ones as they are${cite('yarn')}; the chapter on pre-training does so in stages. The code is
      <code>src/architecture/rope-frequencies.ts</code>.
    </p> `
}

function experts(run: RunFacts): Html {
  const { model } = run.document.recipe
  return html`<h4>Sparse experts</h4>
    <p>
      In all layers but the first ${model.denseLayerCount === 1 ? 'one' : model.denseLayerCount} (${published('3')}) the feed-forward
      network is ${model.expertCount} small ones (${published('256')}), of which a router gives each token ${model.activeExpertCount}
      (${published('8')}), and ${model.sharedExpertCount === 1 ? 'one more' : `${model.sharedExpertCount} more`} that all tokens share. The
      router scores every expert, keeps the best groups, and chooses the best experts within them:
    </p>
    ${formula(String.raw`s_e = \sigma(x \cdot w_e), \qquad \text{chosen by the largest } s_e + b_e`)}
    ${formula(String.raw`y = \operatorname{FFN}_{\text{shared}}(x) + \sum_{e\ \text{chosen}} g_e \operatorname{FFN}_e(x), \qquad g_e = ${model.routedScale}\,\frac{s_e}{\sum_{\text{chosen}} s}`)}
    <p>
      A group’s score is the sum of its two best experts’, and a token may visit ${model.activeGroupCount} of ${model.groupCount} groups
      (${published('4 of 8')}). In the full-size system a group lives on one node, so that the rule bounds how many nodes a token’s copies
      travel to. No token is ever dropped. The bias ${maths('b_e')} helps to choose and never weighs. The code is
      <code>src/architecture/moe.ts</code>.
    </p> `
}

function balance(run: RunFacts): Html {
  const { schedule } = run.document.recipe.training
  return html`<h4>Balance without a loss</h4>
    <p>
      A router left to itself feeds the experts that are already good, which makes them better. The usual cure is a further loss that
      punishes unevenness, and with it gradients that have nothing to do with language. V3 moves the biases instead: after every step down
      by ${maths(String.raw`\gamma`)} for experts above the mean load, up for those below${cite('loss-free-balancing')}.
    </p>
    ${formula(String.raw`b_e \leftarrow b_e + \gamma\,\operatorname{sign}\left(\bar c - c_e\right), \qquad \text{MaxVio} = \frac{\max_e c_e - \bar c}{\bar c}`)}
    <p>
      Here ${maths('c_e')} counts the tokens of the last batch, ${maths(String.raw`\bar c`)} is the mean over experts, and
      ${maths(String.raw`\gamma`)} = ${schedule.biasSpeed} (${published('0.001')}): this run has fewer steps in which to become even and
      takes larger ones. A sequence-wise loss remains, at a weight so small that it only catches
      extremes.${sidenote('MaxVio is printed for the batch of a step. Published values are mostly taken over all batches, in which chance cancels.')}
    </p> `
}

function cache(run: RunFacts): Html {
  const { latentText, fullText, share } = cacheOf(run)
  const v3 = latentCacheBytesPerToken(presets['deepseek-v3'])
  const [result] = ablationsOf(run, 'latent-cache')
  return html`<h4>What the latent saves and costs</h4>
    <p>
      A token’s cache takes ${latentText}, where keys and values of the same heads would take ${fullText}: ${percent(1 - share)} less
      (${figureReference('cache-by-attention')}). The full-size model takes
      ${published(`${v3.toLocaleString('en')} bytes in BF16`)}${cite('isca-2025', 'table 1')}; its predecessor reported
      ${published('93.3 %', 'V2')} less than the dense model before it${cite('deepseek-v2', 'abstract')}.
      ${
        result
          ? html`Whether the loss suffers was asked of small models trained alike (${sizeText(result)}). One has ${result.says.variant}; the
            other has ${result.says.control}. The loss of the first less that of the second is
            ${differenceText(result)}${result.verdict === 'not established' ? '; the interval contains zero' : `: established to be ${result.verdict}`}.`
          : html`What it costs in loss was not measured in this run; <code>${latentCache.command}</code> does it.`
      }
    </p>
    ${evidence(latentCache, run)}`
}

function position(run: RunFacts): Html {
  const { rowLength } = run.document.recipe.training
  const found = longestWindow(run)
  const ends = found && insideAndBeyond(found.buckets, rowLength)
  if (!found || !ends)
    return missing('The base model was not tried beyond its window in this run, so nothing is said here about what rotation does past it.')
  const { inside, beyond } = ends
  const own = positionsOf(run, 'pretrain', rowLength)
  const extended = positionsOf(run, lastStagedStage(run) ?? '', found.windowLength)
  const gain = gainOf(found, extended)
  const margin = beyond.plusMinus + inside.plusMinus
  const gap = beyond.lossNats - inside.lossNats
  const relation = !Number.isFinite(margin) ? 'One row gives no interval' : Math.abs(gap) > margin ? null : 'The intervals overlap'
  const difference =
    relation === null
      ? `The intervals lie apart, the ${gap > 0 ? 'farther' : 'nearer'} positions having the higher loss; how much of that is owed to position cannot be told, since the tokens at the two places are different ones.`
      : `${relation}, and the tokens at the two places are different ones, so nothing is established about what lies beyond the window.`
  return html`<h4>Inside the window and beyond it</h4>
    <p>
      ${figureReference('loss-by-position')} shows the base model by position.
      ${
        own && own.buckets.length > 1
          ? html`In rows as long as those that it was trained on, its loss is ${lossAt(own.buckets[0])} at the first token and
            ${lossAt(own.buckets.at(-1)!)} at positions ${own.buckets.at(-1)!.from} to ${own.buckets.at(-1)!.to}
            (${counted(own.rows, 'row')}).`
          : null
      }
      In rows of ${found.windowLength} tokens it is ${lossAt(inside)} at positions ${inside.from} to ${inside.to}, and ${lossAt(beyond)} at
      positions ${beyond.from} to ${beyond.to} (${counted(found.rows, 'row')}).
      ${difference}${
        gain && extended && Number.isFinite(gain.plusMinus)
          ? html` What extending the window did is measured on the same tokens: with YaRN and its further steps the loss at the farthest
            positions is ${nats(extended.buckets.at(-1)!.lossNats)}, a change of ${signed(-gain.gainNats)} ± ${digits(gain.plusMinus)} nats,
            paired over the rows; chapter 04 has the stages.`
          : null
      }
    </p>
    ${evidence(rotaryPosition, run)}`
}

function sparsity(run: RunFacts): Html {
  const [dense] = ablationsOf(run, 'dense')
  const limits = lossResults(ablationsOf(run, 'group-limit'))
  const { limits: traffic } = trafficOf(run)
  const trained = traffic.find(({ isAsTrained }) => isAsTrained)
  const free = traffic.at(-1)
  const saving =
    trained && free && free !== trained
      ? html`The limit that this run’s model was trained with saves ${percent(1 - trained.copiesPerToken / free.copiesPerToken)} of the
        copies that the same router would make without
        one${
          free.addedNats === null || free.plusMinus === null
            ? null
            : html`; lifting it changes the loss by ${signed(free.addedNats)} ± ${digits(free.plusMinus)} nats`
        }.`
      : html`What the group limit saves was not counted in this run.`
  return html`<h4>Sparsity and its limit</h4>
    <p>
      ${saving}
      ${
        dense
          ? html`Against a dense model of equal cost (${sizeText(dense)}; ${dense.says.variant}, against ${dense.says.control}) the loss
            differs by ${differenceText(dense)}.`
          : html`Whether experts pay at all, against a dense model of equal cost, takes runs of its own:
              <code>${constrainedRouting.command}</code>.`
      }${limits.length > 0 ? html` Of small models that were trained under a limit, the loss less that of one without any is ${listed(limits.map((limit) => `${differenceText(limit)} for ${limit.says.variant}`))}.` : null}
      Published, of DeepSeekMoE at 2B parameters: a loss of ${published('1.808 against 2.060', 'DeepSeekMoE')} for a dense
      model${cite('deepseek-moe', 'section 4')}.
    </p> `
}

function evenness(run: RunFacts): Html {
  const steps = run.steps('pretrain')
  if (steps.length < 4) return missing('Pre-training is too short in this run to follow the balance of its experts.')
  const results = ablationsOf(run, 'balance')
  const ends = endsOf(steps.map(({ maxViolation }) => maxViolation.mean))
  return html`<h4>Keeping experts even</h4>
    <p>
      From the first tenth of the steps to the last, MaxVio of a batch, averaged over the routers, ${changed(ends.first, ends.last)}
      (${figureReference('overload')}). Published, for a model of 1B parameters and over all batches, are
      ${published('0.72 with a balance loss and 0.04 with biases', '1B MoE')}, and for the same pair perplexities of
      ${published('9.56 and 9.50', '1B MoE')}${cite('loss-free-balancing')}.
    </p>
    ${evidence(balanceInDesign, run)} ${idle(run)}
    ${
      results.length === 0
        ? html`<p>What happens without any of this takes runs of its own: <code>${balanceInDesign.command}</code>.</p>`
        : html`<p>
              ${tableReference('balance-pairs')} sets ways of balancing beside each other, on small models that were trained alike
              (${sizeText(results[0])}).
            </p>
            ${table({
              id: 'balance-pairs',
              columns: [{ title: 'Pair' }, { title: 'metric' }, { title: 'difference and 95 % interval' }, { title: 'verdict' }],
              rows: results.map(({ variant, control, metric, unit, difference, low, high, verdict }) => [
                `${variant} less ${control}`,
                metric,
                Number.isFinite(difference)
                  ? `${signed(difference)} (${signed(low)} to ${signed(high)}) ${unitText(unit)}`
                  : 'training broke',
                verdict,
              ]),
              caption: html`${results.filter(({ verdict }) => verdict !== 'not established').length} of ${results.length} differences are
              established. The same seed and text for both models of a pair.`,
            })}`
    }`
}

/** What MaxVio cannot show: experts that get next to nothing. */
function idle(run: RunFacts): Html {
  const found = idleExperts(run)
  if (!found) return missing('How little the idlest experts get was not counted on held-out text in this run.')
  const { least, idle: those, count } = found
  const named = those.map(({ router, expert, share }) => `expert ${expert} of router ${router + 1} (${percent(share)})`)
  const stages = (
    [
      ['pretrain', 'pre-training'],
      ['sft', 'fine-tuning'],
    ] as const
  ).flatMap(([stage, name]) => {
    const share = leastInTraining(run, stage)
    return share === null ? [] : [`${percent(share)} of the mean in ${name}`]
  })
  const training =
    stages.length === 0
      ? ''
      : ` In the batches whose loads were recorded in the last tenth of a stage, the idlest expert of all got ${listed(stages)}${areBiasesAtRest(run) ? '; the biases are moved in pre-training only' : ''}.`
  return html`<p>
    MaxVio looks at the busiest expert and says nothing of the idlest. On held-out text, all domains weighing the same, the finished model
    sends the idlest expert of ${least.length === 1 ? 'its router' : 'each router, in order,'}
    ${listed(least.map(({ share }) => percent(share)))} of the mean
    load.${
      those.length === 0
        ? html` None of ${count} experts gets less than ${percent(idleShare)} of it.`
        : html` Of ${count} experts ${those.length === 1 ? 'one gets' : `${those.length} get`} less than ${percent(idleShare)} of it and
          ${those.length === 1 ? 'is' : 'are'} nearly idle: ${listed(named)}.`
    }${training}
  </p> `
}

function handsOn(run: RunFacts): Html {
  const { limits } = trafficOf(run)
  const trained = limits.find(({ isAsTrained }) => isAsTrained)
  const steps = run.steps('pretrain')
  return html`<p>
    To infrastructure this layer hands on traffic:
    ${
      trained
        ? html`${digits(trained.copiesPerToken)} copies of every token in every sparse layer, ${formatBytes(trained.bytesPerToken)} a token
          and forward pass if each group were a node`
        : html`as many copies of every token as it visits groups, which this run did not count`
    }.
    It hands on unevenness too,
    ${steps.length > 0 ? html`a busiest expert with ${percent(endsOf(steps.map(({ maxViolation }) => maxViolation.mean)).last)} more tokens of a batch than the mean expert, in the last tenth of pre-training` : html`however much of it is left`},
    since whoever waits for all experts waits for that one. To inference it hands on a cache that takes ${cacheOf(run).latentText} for a
    token, and a window that ends where training ended.
  </p> `
}
