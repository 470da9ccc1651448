/** What models are made of and stored in. */
export * from './safetensors.ts'
export * from './safetensors-floats.ts'
export * from './safetensors-reader.ts'
export * from './safetensors-storage.ts'
export * from './safetensors-writer.ts'
export * from './tokenizer/index.ts'
export * from './adamw.ts'
export * from './parameters.ts'
