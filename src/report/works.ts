/** The works that the report refers to, as they stand in its notes. */
export const works = {
  'deepseek-v3': 'DeepSeek-AI, DeepSeek-V3 Technical Report, 2024, arXiv:2412.19437',
  'deepseek-v2': 'DeepSeek-AI, DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model, 2024, arXiv:2405.04434',
  'deepseek-moe':
    'D. Dai et al., DeepSeekMoE: Towards Ultimate Expert Specialization in Mixture-of-Experts Language Models, 2024, arXiv:2401.06066',
  'deepseek-math':
    'Z. Shao et al., DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language Models, 2024, arXiv:2402.03300',
  'deepseek-r1': 'DeepSeek-AI, DeepSeek-R1: Incentivizing Reasoning Capability in LLMs via Reinforcement Learning, 2025, arXiv:2501.12948',
  'isca-2025':
    'C. Zhao et al., Insights into DeepSeek-V3: Scaling Challenges and Reflections on Hardware for AI Architectures, 2025, arXiv:2505.09343',
  'production-2025': 'DeepSeek-AI, DeepSeek-V3/R1 Inference System Overview, Open Infra Index, 2025',
  'loss-free-balancing': 'L. Wang et al., Auxiliary-Loss-Free Load Balancing Strategy for Mixture-of-Experts, 2024, arXiv:2408.15664',
  rope: 'J. Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding, 2021, arXiv:2104.09864',
  yarn: 'B. Peng et al., YaRN: Efficient Context Window Extension of Large Language Models, 2023, arXiv:2309.00071',
  attention: 'A. Vaswani et al., Attention Is All You Need, 2017, arXiv:1706.03762',
  adamw: 'I. Loshchilov and F. Hutter, Decoupled Weight Decay Regularization, 2017, arXiv:1711.05101',
  mtp: 'F. Gloeckle et al., Better & Faster Large Language Models via Multi-token Prediction, 2024, arXiv:2404.19737',
  'speculative-decoding': 'Y. Leviathan et al., Fast Inference from Transformers via Speculative Decoding, 2022, arXiv:2211.17192',
  'zero-bubble': 'P. Qi et al., Zero Bubble Pipeline Parallelism, 2023, arXiv:2401.10241',
  ppo: 'J. Schulman et al., Proximal Policy Optimization Algorithms, 2017, arXiv:1707.06347',
  'kl-estimate': 'J. Schulman, Approximating KL Divergence, 2020',
  roofline: 'S. Williams et al., Roofline: An Insightful Visual Performance Model for Multicore Architectures, CACM 52(4), 2009',
  wilson: 'E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22, 1927',
  lambada: 'D. Paperno et al., The LAMBADA Dataset, 2016, arXiv:1606.06031',
  mmlu: 'D. Hendrycks et al., Measuring Massive Multitask Language Understanding, 2020, arXiv:2009.03300',
  blimp: 'A. Warstadt et al., BLiMP: The Benchmark of Linguistic Minimal Pairs for English, 2019, arXiv:1912.00582',
  cruxeval: 'A. Gu et al., CRUXEval, 2024, arXiv:2401.03065',
  gsm8k: 'K. Cobbe et al., Training Verifiers to Solve Math Word Problems, 2021, arXiv:2110.14168',
} as const

/** Short name of a work. */
export type WorkName = keyof typeof works
