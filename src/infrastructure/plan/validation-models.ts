/** Rows about models: parameters, checkpoints, FLOPs, caches, routing and losses. */
import { attentionParametersPerLayer, countParameters } from '../../architecture/counts.ts'
import {
  headCacheElementsPerToken,
  latentCacheBytesPerToken,
  latentCacheElementsPerToken,
  trainingFlopsPerToken,
} from '../../architecture/counts-per-token.ts'
import { presets } from '../../architecture/presets.ts'
import { attentionScale, yarnRange } from '../../architecture/rope-frequencies.ts'
import { balancedRoutedScale } from '../../architecture/routed-scale.ts'
import { checkpointBytes, checkpointTensors } from '../../architecture/tensor-names.ts'
import { Random } from '../../base/random.ts'
import { exactRow, roundedRow, type ValidationRow } from './validation-row.ts'

/** DeepSeekMoE-16B, which has plain attention and so is no preset: 28 layers, the first dense, 64 + 2 experts. */
function parametersOfMoe16(): number {
  const [D, layers, experts, shared, expertWidth, denseWidth, vocabulary] = [2048, 28, 64, 2, 1408, 10_944, 102_400]
  const moeLayer = 3 * D * expertWidth * (experts + shared) + D * experts
  return layers * (4 * D ** 2 + 2 * D) + 3 * D * denseWidth + (layers - 1) * moeLayer + 2 * vocabulary * D + D
}

/** Rows 1 to 11, 19, 20, 24, 25, 31 to 37 of the facts. */
export function validationOfModels(): ValidationRow[] {
  const v3 = presets['deepseek-v3']
  const v2 = presets['deepseek-v2']
  const lite = presets['deepseek-v2-lite']
  const moonlight = presets['moonlight-16b-a3b']
  const counts = countParameters(v3)
  const released = checkpointTensors(v3, { format: 'released-fp8', withMtp: true })
  const expert = 3 * v3.width * v3.expertFfnWidth
  const router = v3.expertCount * (v3.width + 1)
  const moeFfn = (v3.expertCount + v3.sharedExpertCount) * expert + router
  const mtpBlock = attentionParametersPerLayer(v3) + 2 * v3.width + moeFfn
  return [
    exactRow(1, 'V3 parameters', 'sum over components, router biases included', counts.total, 671_026_419_200, '[V3] 671B'),
    exactRow(2, 'V3 activated parameters', 'with the head, without the embedding', counts.activated, 36_625_618_432, '[V3] 37B'),
    exactRow(3, 'V3 MLA parameters a layer', 'projections and latent norms', attentionParametersPerLayer(v3), 187_107_328, '[V3] sizes'),
    exactRow(4, 'V3 released tensors', 'names and shapes of the repository', released.length, 91_991, 'released headers'),
    exactRow(4, 'V3 released bytes', 'FP8 with 128 x 128 scales', checkpointBytes(released), 688_574_839_360, 'released headers'),
    exactRow(
      5,
      'V3 repository parameters',
      'main + MTP with copies of both vocabularies',
      counts.total + counts.mtp.withDuplicates,
      684_489_845_504,
      'README 685B',
    ),
    exactRow(6, 'MTP block', 'attention + 2 norms + MoE FFN', mtpBlock, 11_507_286_272, 'README 11.5B'),
    exactRow(6, 'MTP module', 'block + projection + 3 norms', counts.mtp.unique, 11_610_068_224, 'README 11.5B'),
    exactRow(7, 'V2 parameters', 'as row 1', countParameters(v2).total, 235_741_434_880, '[V2] 236B'),
    exactRow(7, 'V2-Lite parameters', 'as row 1', countParameters(lite).total, 15_706_484_224, '[V2] 15.7B'),
    exactRow(7, 'DeepSeekMoE-16B parameters', 'plain attention', parametersOfMoe16(), 16_375_728_128, '[MoE] 16.4B'),
    exactRow(7, 'Moonlight parameters', 'as row 1', countParameters(moonlight).total, 15_960_110_208, '[ML] 16B'),
    roundedRow(8, 'V2-Lite without embeddings', 'total - 2 V D', countParameters(lite).totalWithoutEmbeddings, 15.29e9, '[ML]', 4e-4),
    roundedRow(
      8,
      'Moonlight without embeddings',
      'total - 2 V D',
      countParameters(moonlight).totalWithoutEmbeddings,
      15.29e9,
      '[ML]',
      4e-4,
    ),
    roundedRow(
      8,
      'V2-Lite active without embeddings',
      'activated - V D',
      countParameters(lite).activatedBy.withoutEmbeddings,
      2.24e9,
      '[ML]',
      3e-3,
    ),
    roundedRow(
      8,
      'Moonlight active without embeddings',
      'activated - V D',
      countParameters(moonlight).activatedBy.withoutEmbeddings,
      2.24e9,
      '[ML]',
      3e-3,
    ),
    roundedRow(
      9,
      'V3 training GFLOP a token, causal',
      '6 x activated + 6 H (N+R+W) T/2 L',
      trainingFlopsPerToken(v3, 4096, 'causal').total / 1e9,
      250,
      '[ISCA]',
      2e-3,
    ),
    roundedRow(
      10,
      'V3 full / causal FLOPs',
      'row 9 with T instead of T/2, over row 9',
      trainingFlopsPerToken(v3, 4096, 'full').total / trainingFlopsPerToken(v3, 4096, 'causal').total,
      432 / 385,
      '[ISCA] 432/385',
      1e-3,
    ),
    roundedRow(
      11,
      'V2 training GFLOP a token, causal',
      'as row 9',
      trainingFlopsPerToken(v2, 4096, 'causal').total / 1e9,
      155,
      '[ISCA]',
      3e-3,
    ),
    exactRow(19, 'V3 cache bytes a token, BF16', '2 (C+R) L', latentCacheBytesPerToken(v3), 70_272, '[ISCA]'),
    exactRow(
      19,
      'Qwen2.5-72B cache bytes a token',
      '2 x 2 x 8 x 128 x 80',
      2 * headCacheElementsPerToken({ keyValueHeadCount: 8, keyWidth: 128, valueWidth: 128, layerCount: 80 }),
      327_680,
      '[ISCA]',
    ),
    exactRow(
      19,
      'LLaMA-3.1-405B cache bytes a token',
      '2 x 2 x 8 x 128 x 126',
      2 * headCacheElementsPerToken({ keyValueHeadCount: 8, keyWidth: 128, valueWidth: 128, layerCount: 126 }),
      516_096,
      '[ISCA]',
    ),
    exactRow(
      20,
      'MHA cache numbers a token, small MoE',
      '2 x 16 x 128 x 27',
      headCacheElementsPerToken({ keyValueHeadCount: 16, keyWidth: 128, valueWidth: 128, layerCount: 27 }),
      110_592,
      '[V2] 110.6K',
    ),
    exactRow(
      24,
      'YaRN blend, first and last pair',
      'pairs with 32 and 1 rotations',
      `${yarnRange(v3, v3.yarn!).low}/${yarnRange(v3, v3.yarn!).high}`,
      '10/23',
      'released code',
    ),
    exactRow(
      24,
      'YaRN factor on the softmax scale',
      '(0.1 ln 40 + 1)²',
      attentionScale(v3) * Math.sqrt(v3.nopeWidth + v3.ropeWidth),
      1.8738542,
      'released code',
      7,
    ),
    exactRow(24, 'final softmax scale', 'factor / sqrt(192)', attentionScale(v3), 0.13523378, 'released code', 8),
    roundedRow(
      25,
      'gate scaling factor, 6 of 64',
      'mean of 1/sqrt(sum g²)',
      balancedRoutedScale(64, 6, Random.seeded(0).fork('validate/64'), 2000),
      2.446,
      '[ML]',
      2e-3,
    ),
    roundedRow(
      25,
      'gate scaling factor, 8 of 384',
      'as above',
      balancedRoutedScale(384, 8, Random.seeded(0).fork('validate/384'), 500),
      2.827,
      'Kimi-K2 config',
      2e-3,
    ),
    exactRow(31, 'experts a node for free', 'NVLink over InfiniBand, 160 / 50', 160 / 50, 3.2, '[V3]'),
    exactRow(
      31,
      'experts at the same network cost',
      'nodes a token x 3.2, rounded',
      Math.round(v3.activeGroupCount * (160 / 50)),
      13,
      '[V3]',
    ),
    exactRow(32, 'MTP speed-up bound at 85 % and 90 %', '1 + acceptance; 1.8 measured', `${1 + 0.85}..${1 + 0.9}`, '1.85..1.9', '[V3]'),
    roundedRow(
      33,
      'V2 cache saved over DeepSeek-67B',
      '1 - 6-bit latents / (95 layers x 8 groups x 2 x 128 in BF16)',
      1 -
        (latentCacheElementsPerToken(v2) * 6) /
          8 /
          (2 * headCacheElementsPerToken({ keyValueHeadCount: 8, keyWidth: 128, valueWidth: 128, layerCount: 95 })),
      0.933,
      '[V2]',
      5e-4,
    ),
    roundedRow(34, 'V2 training saved over DeepSeek-67B', '1 - 172.8 / 300.6 GPU-hours', 1 - 172.8 / 300.6, 0.425, '[V2]', 1e-3),
    roundedRow(
      36,
      'balance loss at perfect balance',
      'alpha x sum of f P, all equal',
      balanceLossAtBalance(v3.expertCount, v3.activeExpertCount, 1e-4),
      1e-4,
      '[V3] equation 17',
      1e-12,
    ),
    exactRow(37, 'loss of a uniform guess, nats', 'ln V', Math.log(v3.vocabSize), 11.7697, '[V3] vocabulary', 4),
  ]
}

/** alpha * sum over experts of f P, where every expert gets its share of choices and of probability. */
function balanceLossAtBalance(expertCount: number, activeExpertCount: number, alpha: number): number {
  const tokens = expertCount
  const choicesPerExpert = (tokens * activeExpertCount) / expertCount
  const f = (expertCount / (activeExpertCount * tokens)) * choicesPerExpert
  const probability = 1 / expertCount
  return alpha * Array.from({ length: expertCount }, () => f * probability).reduce((sum, term) => sum + term, 0)
}
