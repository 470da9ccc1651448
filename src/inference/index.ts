/** Generation: the latent cache, prefill in the expanded form, decoding in the absorbed form, sampling, text as it comes. */
export { createDecodeBench, type DecodeBench, decodeBenchmark, type DecodeSpeed } from './decode-benchmark.ts'
export { Decoder, type NextToken } from './decode.ts'
export { Engine, type FinishReason, generate, type GeneratedPiece, type GenerationSummary } from './generate.ts'
export { checkGenerationOptions, defaultGenerationOptions, type GenerationOptions, type SamplingOptions } from './generation-options.ts'
export { LatentCache, latentCacheBytesPerToken } from './latent-cache.ts'
export { prefill } from './prefill.ts'
export { candidates, sample } from './sampling.ts'
export { type Passed, StopFilter } from './stop-strings.ts'
