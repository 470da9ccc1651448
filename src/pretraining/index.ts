/** Data, the mixture, the training loop. */
export * from './data/index.ts'
