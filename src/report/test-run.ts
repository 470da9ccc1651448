/**
 * For tests: a run folder with events of every type, so that everything which reads one has something to read.
 *
 * The values are invented and look like those of a short run of `nano`; nothing that is published comes from here.
 */
import { recipes } from '../pretraining/index.ts'
import { node } from '../base/platform.ts'
import { type RunDocument, runFormat, type RunRecordEvent } from './run-record.ts'
import { testLaterEvents } from './test-run-later.ts'
import { testPrecisionEvents } from './test-run-precision.ts'
import { testGeneratedEvent, testRewardEvents } from './test-run-rewards.ts'
import { testEvaluationEvents } from './test-run-scores.ts'
import { testDataEvents, testTrainingEvents } from './test-run-training.ts'

/** recipe.json of the invented run. */
export const testRunDocument = (): RunDocument => ({
  format: runFormat,
  recipe: recipes.nano(),
  asked: { recipe: 'nano', settings: [], data: [], conversations: [], seed: null, budget: null },
  derivation: [],
  versions: { strata: '0.1.0', node: 'v24.0.0' },
  machine: {
    platform: 'linux x64',
    processor: 'a processor',
    memoryBytes: 8 * 2 ** 30,
    kernels: { dialect: 'relaxed', reason: 'this engine has relaxed SIMD: multiply and add are fused' },
  },
  ceilings: { gflopsOneThread: 60, gflopsAllThreads: 120, streamGBs: 20, threads: 2 },
})

/** All events of the invented run in the order of a run. */
export function testRunEvents(): RunRecordEvent[] {
  const { recipe, machine } = testRunDocument()
  const later = testLaterEvents(recipe)
  return [
    { type: 'kernels', ...machine.kernels },
    ...testDataEvents(),
    ...testTrainingEvents(recipe),
    ...testEvaluationEvents(),
    ...later,
    ...testPrecisionEvents(later.find((event) => event.type === 'ablation/result')!),
    ...testRewardEvents(),
    testGeneratedEvent(),
    { type: 'samples/text', domain: 'prose', prompt: 'When in the course', text: ' of the people', temperature: 0.7, topP: 0.9 },
  ]
}

/**
 * Writes the invented run into a folder.
 *
 * @param folder that exists
 * @param keeps  which events to write; all unless given: a run cut short has fewer
 */
export function writeTestRun(folder: string, keeps: (event: RunRecordEvent) => boolean = () => true): void {
  const { fs, path } = node()
  const lines = testRunEvents()
    .filter(keeps)
    .map((event, index) => `${JSON.stringify({ ...event, at: 1_700_000_000 + index })}\n`)
  fs.writeFileSync(path.join(folder, 'recipe.json'), JSON.stringify(testRunDocument(), null, 2))
  fs.writeFileSync(path.join(folder, 'events.jsonl'), lines.join(''))
}
