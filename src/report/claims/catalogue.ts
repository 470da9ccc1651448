/**
 * Every claim that the report argues, in the order in which it argues them: id and statement. A statement is part of its
 * claim: it is printed as it stands here, and whether it held is decided by the claim's own file.
 *
 * The claims are those of the overview that this project follows, restated; the floors' headers name the ones they carry.
 */

/** Chapters of the report, in order; the first part of a claim's id is its chapter. */
export const claimChapters = [
  'sequence',
  'foundations',
  'architecture',
  'infrastructure',
  'pretraining',
  'inference',
  'posttraining',
  'evaluation',
] as const

export type ClaimChapter = (typeof claimChapters)[number]

/** Statement of every claim by id. */
export const claimStatements = {
  'sequence.routing-to-traffic': 'Routing choices change communication',
  'sequence.traffic-to-schedule': 'Communication changes feasible schedules',
  'sequence.schedule-to-inference': 'What training does decides what survives into inference',
  'sequence.inference-to-architecture': 'Inference cost feeds back into architecture',
  'foundations.base-loop': 'The base loop is still forward, loss, backward, step',
  'foundations.reading-tools': 'Cross-entropy and perplexity remain the reading tools',
  'foundations.stable-accumulation': 'AdamW and stable accumulation stay central',
  'foundations.protected-states': 'Low precision works only when sensitive states are protected',
  'foundations.denser-supervision': 'Multi-token prediction gives denser supervision and later helps inference',
  'architecture.rotary-position': 'RoPE encodes position by rotation: relative behaviour, long-context tension',
  'architecture.latent-cache': 'Latent KV compression has direct inference consequences',
  'architecture.constrained-routing': 'Sparse experts pay off only if routing keeps communication sane',
  'architecture.balance-in-design': 'Balancing is part of the design',
  'infrastructure.cluster-shape': 'Cluster shape matters because tokens, activations and expert traffic travel',
  'infrastructure.hidden-communication': 'DualPipe-style scheduling hides communication behind work',
  'infrastructure.fp8-policy': 'FP8 is a policy across storage, compute, scaling and accumulation',
  'infrastructure.not-resident': 'Memory savings come from not keeping every intermediate resident',
  'pretraining.mixture': 'The mixture decides which domains are easy, hard, absent',
  'pretraining.tolerance': 'Hyper-parameters show what the system is optimised to tolerate',
  'pretraining.staged-context': 'Long-context extension is staged because long windows are not free',
  'pretraining.ablations': 'Ablations separate structural wins from incidental ones',
  'inference.two-regimes': 'Prefill and decode are different regimes',
  'inference.decode-exposed': 'Decode is exposed to cache size, cache bandwidth and routing',
  'inference.resident-state': 'Latent compression pays off when resident state is the cost centre',
  'inference.hot-experts': 'Sparse serving has hot experts: a load-balancing problem',
  'posttraining.sft-format': 'SFT establishes format, tone, baseline usefulness',
  'posttraining.rule-rewards': 'Rules rule where correctness can be checked',
  'posttraining.model-rewards': 'Reward models fill the gap for open-ended judgement',
  'posttraining.filtered-data': 'Generated data is valuable only after filtering, rejection and re-weighting',
  'evaluation.outcome-not-cause': 'Benchmarks are outcome evidence, not causal attribution',
  'evaluation.weak-judges': 'Open-ended review is weaker because judgement varies',
  'evaluation.appendix-signal': 'Low-precision and specialisation appendices carry the strongest technical signal',
  'evaluation.systems-takeaway': 'Each layer narrows what the next can do',
} as const

export type ClaimId = keyof typeof claimStatements

/** All ids in the report's order. */
export const claimIds = Object.keys(claimStatements) as ClaimId[]

/** The chapter that argues a claim. */
export const chapterOfClaim = (id: ClaimId): ClaimChapter => id.slice(0, id.indexOf('.')) as ClaimChapter
