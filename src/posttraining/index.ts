/** What follows pre-training: conversations, rows for fine-tuning, guards for verifiers. */
export type { Conversation } from './conversations/conversation.ts'
export { type ConversationSet, type ConversationsOptions, makeConversations } from './conversations/make-conversations.ts'
export { readConversations } from './conversations/read-conversations.ts'
export { type GuardedVerdict, guardVerifier } from './guard-verifier.ts'
export { type SandboxOptions, VerifierSandbox } from './verifier-sandbox.ts'
export { type PackingSummary, SftRows, type SftRowsOptions, type SftState } from './sft-rows.ts'
