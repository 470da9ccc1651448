/** What follows pre-training: conversations, rows for fine-tuning, guards for verifiers. */
export type { Conversation } from './conversations/conversation.ts'
export { type ConversationSet, type ConversationsOptions, makeConversations } from './conversations/make-conversations.ts'
export { readConversations } from './conversations/read-conversations.ts'
export { type GuardedVerdict, guardVerifier } from './guard-verifier.ts'
export { tryVerifier } from './judge.ts'
export { type SandboxOptions, VerifierSandbox } from './verifier-sandbox.ts'
export { type PackingSummary, SftRows, type SftRowsOptions, type SftState } from './sft-rows.ts'
export {
  type AccuracyEvent,
  type GroupExampleEvent,
  type PosttrainingEvent,
  type PosttrainingSampleEvent,
  type Range,
  type RlStage,
  type RlStepEvent,
  rlTrace,
  type SftDataEvent,
  type VerifierFaultEvent,
} from './events.ts'
export { posttrainingEventSchemas } from './event-schemas.ts'
export { type GroupAdvantages, groupAdvantages, type GrpoSettings, type TokenTerm, tokenTerm } from './grpo.ts'
export { sftConversations, trainSft } from './sft-stage.ts'
export type { PosttrainingLogEvent, PosttrainingSurroundings } from './surroundings.ts'
export { type AccuracyOptions, measureAccuracy } from './accuracy.ts'
export { chooseTasks, type ChosenTask } from './rl-problems.ts'
export { rolloutRows, trainRl } from './rl-stage.ts'
export { longConversations, rejectWithoutRoom } from './room.ts'
export { intervalSchema } from './interval-schema.ts'
export { policyBatches, type PolicySequence, replyLosses } from './policy-update.ts'
export type { Rewarded } from './reward/best-of.ts'
export type { BestOfEvent, RewardAgreementEvent, RewardEvent, RewardPolicyEvent, RewardTrainingEvent } from './reward/events.ts'
export { rewardFile } from './reward/reward-file.ts'
export { measureReward, rewardSettings, type RewardSettings, type RewardSurroundings } from './reward/reward-stage.ts'
export { compareGenerated, generatedSettings, type GeneratedSettings, type GeneratedSurroundings } from './generated/compare-generated.ts'
export type { GeneratedArm, GeneratedDataEvent } from './generated/events.ts'
