/**
 * What need not stay in memory, setting by setting: the published savings (DeepSeek-V3 report, sections 3.2.3 and 3.3.3) as
 * changes of a training, each alone and all together, beside a plain training that keeps everything.
 *
 * Two of them change no number: what is made again and where an average lies. Two do: inputs in eight bits, moments in
 * sixteen; what that costs in loss is trained and compared. Claim: infrastructure.not-resident.
 */
import type { TrainingConfig } from '../recipe.ts'
import { type Ablation, type Arm, withTraining } from './ablation.ts'

export interface MemorySetting {
  readonly name: string
  /** What it is, in words. */
  readonly says: string
  /** Whether training comes to other numbers with it. */
  readonly changesNumbers: boolean
  readonly change: (plain: TrainingConfig) => TrainingConfig
}

/** Decay of the moving average where a recipe keeps none; the published one is not known. */
const usualDecay = 0.999

/** Everything in the heap as f32, a moving average among it. @param training whose own settings of memory do not count */
export function plainTraining(training: TrainingConfig): TrainingConfig {
  const { emaDecay } = training.optimizer
  return {
    ...training,
    recompute: false,
    activations: 'f32',
    optimizer: { ...training.optimizer, emaDecay: emaDecay ?? usualDecay, moments: 'f32', averageIn: 'heap' },
  }
}

const alone: readonly MemorySetting[] = [
  {
    name: 'recompute',
    says: 'norms and up-projections of the latents made again on the way back',
    changesNumbers: false,
    change: (plain) => ({ ...plain, recompute: true }),
  },
  {
    name: 'fp8-cache',
    says: 'inputs of linear products and of SwiGLU kept in E4M3 with a scale for 1 x 128 numbers; the input behind attention kept as it is',
    changesNumbers: true,
    change: (plain) => ({ ...plain, activations: 'fp8' }),
  },
  {
    name: 'bf16-moments',
    says: 'both moments of AdamW kept in bf16',
    changesNumbers: true,
    change: (plain) => ({ ...plain, optimizer: { ...plain.optimizer, moments: 'bf16' } }),
  },
  {
    name: 'host-average',
    says: 'the moving average of the weights kept outside the heap',
    changesNumbers: false,
    change: (plain) => ({ ...plain, optimizer: { ...plain.optimizer, averageIn: 'host' } }),
  },
]

/** Name of the setting that is all the others. */
export const allSavings = 'all'

/** Each alone, then all together. */
export const memorySettings: readonly MemorySetting[] = [
  ...alone,
  {
    name: allSavings,
    says: 'all four together',
    changesNumbers: true,
    change: (plain) => alone.reduce((training, { change }) => change(training), plain),
  },
]

const plainArm = 'plain'

const armOf = ({ name, says, change }: MemorySetting): Arm => ({
  name,
  says,
  change: withTraining((training) => change(plainTraining(training))),
})

/** What those settings cost in loss that change numbers. The bytes and the time of all of them are measured in memory.ts. */
export const memoryAblation: Ablation = {
  name: 'memory',
  claims: ['infrastructure.not-resident', 'pretraining.ablations'],
  question: 'What do recomputation, an FP8 cache, BF16 moments and an average outside save of the heap, and what do they cost?',
  metrics: ['loss'],
  plan: () => {
    const changing = memorySettings.filter(({ changesNumbers }) => changesNumbers)
    const plain: Arm = { name: plainArm, says: 'everything kept, in f32', change: withTraining(plainTraining) }
    return {
      arms: [plain, ...changing.map(armOf)],
      comparisons: changing.map(({ name }) => ({ variant: name, control: plainArm })),
    }
  },
}
