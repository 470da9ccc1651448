/** What a model is worth, with its error bars. */
export * from './bits-per-byte.ts'
export * from './compressors.ts'
