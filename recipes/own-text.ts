/**
 * A recipe for your own text: copy it, change what you like, and run it from the folder of the clone:
 *
 *   npm run -s strata -- run recipes/own-text.ts --data ./docs --budget 30m
 *
 * Every setting is in what it returns; `--set path=value` changes one without touching this file. With --budget, size and
 * tokens follow from the time; without it they are the ones below.
 */
import { type RecipeFunction, recipes } from '../src/pretraining/index.ts'

const ownText: RecipeFunction = () => {
  const base = recipes.nano()
  return {
    ...base,
    name: 'own-text',
    // Without --data: the built-in text by these weights. With it: your files alone, each domain by its size.
    data: { ...base.data, weights: { ...base.data.weights, multilingual: 0 }, maskDocuments: true },
    training: { ...base.training, tokens: 2_000_000 },
    samples: { ...base.samples, count: 4, temperature: 0.8 },
  }
}

export default ownText
