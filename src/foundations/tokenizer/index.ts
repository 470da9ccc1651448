/** The tokenizer's public face. */
export { StreamingDecoder } from './decoder.ts'
export { specialTokens } from './special-tokens.ts'
export { type EncodeOptions, Tokenizer } from './tokenizer.ts'
export { fixedTokenCount, mostTokens, type TokenizerProgress, type TrainTokenizerOptions, trainTokenizer } from './train.ts'
