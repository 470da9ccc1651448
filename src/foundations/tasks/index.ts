/** Tasks with exact verifiers: what rewards and scores are made of. */
export {
  drawProblemOf,
  drawProblems,
  heldOutProblemShare,
  type ProblemsOptions,
  type ProblemSide,
  type ScoredSide,
  scoredSides,
  sideOf,
  tasks,
  tasksNamed,
} from './problems.ts'
export { isHeldOutProblem } from './problem-split.ts'
export { formatReply, type ParsedReply, parseReply } from './reply-format.ts'
export { chanceLevel, exactReward, formatReward, type Score, score, scoreOf, type Verdict, type Verifier, verifyReply } from './score.ts'
export type { Draft, Problem, Task } from './task.ts'
