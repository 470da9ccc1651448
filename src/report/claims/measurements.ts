/** What claims need to have been measured, by the type of event that says so, and how a reader is told that it was not. */
import type { EventType } from '../run-facts.ts'

/** Each goes on from "In this run". */
export const unmeasured = {
  'ablation/accumulation': 'no batch was summed from its parts in BF16 beside sums in f32',
  'ablation/memory': 'no training that keeps less in memory was measured beside one that keeps everything',
  'ablation/precision': 'no product of a trained model was taken again in FP8',
  'ablation/result': 'no small model was trained with a mechanism left out or a setting changed',
  'evaluation/domain': 'no held-out text was scored',
  'evaluation/judges': 'no judge was asked to choose between two replies',
  'evaluation/position': 'losses were not taken by position in a window',
  'evaluation/task': 'no task was scored',
  'inference/expert-load': 'the load of the experts was not counted on held-out text',
  'inference/regime': 'reading a prompt and writing a reply were not timed',
  'inference/routing': 'the router’s choices on held-out text were not counted',
  'inference/speculation': 'no tokens were drafted ahead of the model',
  'posttraining/accuracy': 'no held-out problems were tried',
  'posttraining/generated-data': 'no model was fine-tuned on replies of its own',
  'reward/agreement': 'no reward model was compared with held-out preferences',
  'reward/best-of': 'no reply was chosen from several by a reward model',
  'rl/step': 'no step of reinforcement was taken',
  'training/step': 'no step of training was taken',
} as const satisfies Partial<Record<EventType, string>>

export type Measurement = keyof typeof unmeasured
