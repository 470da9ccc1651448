/** For tests: events of evaluation, shaped like those of a short run of `nano`. */
import { shareInterval } from '../base/statistics.ts'
import type { EvaluationEvent, PositionBucket, Scoring } from '../evaluation/index.ts'

const domains = ['prose', 'facts', 'code', 'technical', 'multilingual', 'maths'] as const

/** Scores after each stage that a run evaluates. */
export const testEvaluationEvents = (): EvaluationEvent[] => [
  ...afterStage('pretrain', 2.4),
  ...positions('pretrain', [128, 1024, 4096], 128),
  needles('pretrain', 0),
  ...afterStage('extend-2', 2.35),
  ...positions('extend-1', [1024], 1024),
  ...positions('extend-2', [128, 1024, 4096], 4096),
  needles('extend-2', 2),
  ...positions('extend-jump', [128, 1024, 4096], 4096),
  needles('extend-jump', 1),
  ...afterStage('sft', 2.6),
  ...afterStage('rl', 2.65),
  ...['cloze', 'four-choice', 'minimal-pairs', 'output-prediction'].map((task, index) => ({
    type: 'evaluation/contamination' as const,
    task,
    n: 200,
    contaminated: index,
    whole: 0,
    unchecked: 20,
    gramWords: [13, 5] as const,
    examples: index === 0 ? [] : [{ item: 'The capital of the country is', document: 'facts/12' }],
  })),
]

/** Bits per byte and tasks of one stage. @param bits of the first domain */
function afterStage(stage: string, bits: number): EvaluationEvent[] {
  return [
    ...domains.map((domain, index) => ({
      type: 'evaluation/domain' as const,
      stage,
      domain,
      documents: 20 + index,
      tokens: 30_000,
      utf8Bytes: 117_000,
      lossNats: (bits + 0.3 * index) * Math.LN2 * 3.9,
      bitsPerByte: bits + 0.3 * index,
      plusMinus: 0.05,
      compressors: { gzip: 2.95 - 0.15 * index, xz: 2.7 - 0.15 * index },
      ngram: { bitsPerByte: 2.5 - 0.05 * index, contextBytes: 5, trainingBytes: 4_000_000 },
    })),
    task(stage, 'cloze', 'LAMBADA', 200, 3, 0.02, 'exact'),
    task(stage, 'four-choice', 'MMLU', 200, 58, 0.25, 'per-byte'),
    task(stage, 'minimal-pairs', 'BLiMP', 200, 131, 0.5, 'plain'),
    task(stage, 'output-prediction', 'CRUXEval', 60, 20, 0.25, 'per-byte'),
    task(stage, 'arithmetic', 'GSM8K', 200, 44, 0.2, 'per-byte'),
  ]
}

function task(
  stage: string,
  name: string,
  likeName: string,
  n: number,
  correct: number,
  chance: number,
  scoring: Scoring,
): EvaluationEvent {
  const { low, high } = shareInterval(correct, n)
  return {
    type: 'evaluation/task',
    stage,
    task: name,
    likeName,
    n,
    correct,
    accuracy: correct / n,
    chance,
    interval: [low, high],
    isAboveChance: low > chance,
    scoring,
    tooLong: 0,
  }
}

/** Loss by position: falls inside the trained window, rises beyond it. @param trained window in tokens */
function positions(stage: string, windowLengths: readonly number[], trained: number): EvaluationEvent[] {
  return windowLengths.map((windowLength) => {
    const buckets: PositionBucket[] = []
    for (let to = 1; to <= windowLength; to *= 2) {
      const beyond = Math.max(0, Math.log2(to / trained))
      const lossNats = 5.4 - 0.12 * Math.log2(Math.min(to, trained)) + 0.35 * beyond
      buckets.push({
        from: to === 1 ? 0 : to / 2,
        to,
        lossNats,
        plusMinus: 0.08,
        n: (to === 1 ? 1 : to / 2) * Math.floor(32_768 / windowLength),
      })
    }
    const rows = Math.floor(32_768 / windowLength)
    // Rows differ far more than models do on the same row.
    const lastBucketOfRow = Array.from(
      { length: rows },
      (_, row) => buckets.at(-1)!.lossNats + 0.3 * Math.sin(7 * row) + 0.01 * Math.sin(row * trained),
    )
    return { type: 'evaluation/position' as const, stage, windowLength, rows, buckets, lastBucketOfRow }
  })
}

function needles(stage: string, bonus: number): EvaluationEvent {
  const cells = [128, 1024, 4096].flatMap((length) =>
    [0, 0.25, 0.5, 0.75, 1].map((depth) => ({
      length,
      depth,
      n: 8,
      correct: Math.min(8, 1 + bonus + (depth === 1 ? 1 : 0)),
      chance: 0.125,
    })),
  )
  return { type: 'evaluation/needle', stage, cells }
}
