/** Generation: the latent cache, prefill in the expanded form, decoding in the absorbed form, sampling, text as it comes. */
export { Decoder, type NextToken } from './decode.ts'
export { LatentCache, latentCacheBytesPerToken } from './latent-cache.ts'
export { prefill } from './prefill.ts'
