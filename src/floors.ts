/**
 * The house: its floors in order, bottom first. A file imports from its own floor and from those below it.
 * The one place where the order is written; `test/policy/floors.test.ts` enforces it.
 */
export const floors = [
  { name: 'base', holds: 'errors, random streams, formats, statistics, run log, the platform' },
  { name: 'compute', holds: 'heap, tensors, dims, op table, tape, threads, the kernels’ loader' },
  { name: 'foundations', holds: 'tokenizer, layers, losses, AdamW, schedules, tasks with verifiers, chat template, safetensors' },
  { name: 'architecture', holds: 'config and presets, RoPE/YaRN, MLA, router, experts, MTP, model, counts' },
  { name: 'infrastructure', holds: 'cluster, costs, schedules and their simulator, memory plan, checkpoints, expert balancer' },
  { name: 'pretraining', holds: 'data sources, mixture, packing, the training loop, context extension, ablations' },
  { name: 'inference', holds: 'latent cache, prefill, decode, sampling, speculation, rollouts' },
  { name: 'posttraining', holds: 'conversations, SFT, rewards, GRPO' },
  { name: 'evaluation', holds: 'bits per byte beside compressors, tasks with intervals, needle test' },
  { name: 'report', holds: 'what a run’s folder says; events in, one page out; one claim, one file' },
  { name: 'apps', holds: 'the command line: the only floor with side effects' },
] as const
