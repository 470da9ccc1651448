/** The architecture of the DeepSeek-V3 family: sizes, and what follows from them. */
export * from './check-config.ts'
export * from './config.ts'
export * from './counts-per-token.ts'
export * from './counts.ts'
export * from './presets.ts'
export * from './rope-frequencies.ts'
export * from './hf-config.ts'
export * from './tensor-names.ts'
