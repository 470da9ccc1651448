/**
 * The work that a tab and Node both do, and whose every number must be the same in both: load the floors, train a tokenizer,
 * train the tiny preset for twenty steps, go on from a prompt. It is one file for both engines, so that nothing but the
 * engine differs. It knows the built package (dist), no Node and no page.
 */

const steps = 20
const threads = 2
const promptText = 'The people of the United States'
const generatedTokens = 24

/** Both builds of the kernels. */
export const dialects = ['plain', 'relaxed']

/** The text, below the package's root. */
const corpusPath = 'vendor/corpus/prose.jsonl'

/** Imports the index of each floor. → the modules by floor */
async function loadFloors(dist, floorNames) {
  const modules = {}
  for (const name of floorNames) modules[name] = await import(`${dist}${name}/index.js`)
  return modules
}

/** SHA-256 of the bytes behind a view, as hexadecimal. */
async function digest(view) {
  // A copy: the heap is shared memory, which the digest does not take.
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice()
  const hash = await globalThis.crypto.subtle.digest('SHA-256', bytes)
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * The tokenizer, trained on the text, and the text in its ids.
 *
 * @param lines the corpus file: one document in JSON a line
 */
function prepare({ foundations, pretraining }, lines, vocabSize) {
  const documents = lines
    .trimEnd()
    .split('\n')
    .map((line) => pretraining.makeDocument('prose', JSON.parse(line)))
  const tokenizer = foundations.trainTokenizer(
    documents.map(({ text }) => text),
    { vocabSize },
  )
  const train = pretraining.tokenizeDocuments(documents, tokenizer)
  const none = pretraining.tokenizeDocuments([], tokenizer)
  const domains = [{ name: 'prose', weight: 1, train, heldOut: none }]
  const corpus = { fingerprint: 'browser check', vocabSize: tokenizer.vocabSize, eosId: tokenizer.eosId, domains }
  return { tokenizer, corpus }
}

/** The tiny recipe with as many full batches as there are steps. */
function recipeOf({ pretraining }) {
  const tiny = pretraining.recipes.tiny()
  const { training } = tiny
  const schedule = { ...training.schedule, firstBatchShare: 1 }
  return pretraining.checkRecipe({ ...tiny, training: { ...training, schedule, tokens: steps * training.rows * training.rowLength } })
}

/** Greedy text after the prompt, from prefill and decoding on the latent cache. */
async function continuePrompt({ inference }, model, tokenizer) {
  const prompt = tokenizer.encode(promptText)
  const cache = new inference.LatentCache(model)
  const prefillDigest = await digest(inference.prefill(cache, prompt))
  cache.free()
  const engine = new inference.Engine(model, tokenizer)
  const pieces = [...inference.generate(engine, prompt, { temperature: 0, maxTokens: generatedTokens })]
  engine.free()
  return { prompt: promptText, prefillDigest, ids: pieces.map(({ id }) => id), text: pieces.map(({ text }) => text).join('') }
}

async function trainWith(floors, recipe, { tokenizer, corpus }, dialect) {
  const { architecture, base, compute, foundations, pretraining } = floors
  const machine = await compute.Machine.start({ threads, dialect })
  try {
    const model = architecture.createModel(machine, recipe.model, { withGradients: true })
    foundations.initialize(model.parameters.set, recipe.model.initStd, base.Random.seeded(recipe.seed))
    const log = base.memoryLog()
    const start = performance.now()
    await pretraining.train({
      model,
      optimizer: foundations.createAdamW(model.parameters.set, recipe.training.optimizer),
      stage: 'pretrain',
      source: new pretraining.Mixture(corpus, { seed: recipe.seed, extra: recipe.model.mtpDepth }),
      config: recipe.training,
      maskDocuments: recipe.data.maskDocuments,
      log,
    })
    const seconds = (performance.now() - start) / 1000
    const taken = log.events.filter(({ type }) => type === 'training/step')
    return {
      dialect: machine.kernels.dialect,
      threads: machine.threads,
      seconds,
      steps: taken.map(({ lossNats, mtpNats, gradientNorm }) => ({ lossNats, mtpNats, gradientNorm })),
      weightsDigest: await digest(model.parameters.set.weights.data),
      continuation: await continuePrompt(floors, model, tokenizer),
    }
  } finally {
    machine.close()
  }
}

/**
 * Everything, in order.
 *
 * @param dist       address of the built package, ending in a slash
 * @param floorNames those to load, bottom first
 * @param readText   the text of a file below the package's root
 * @param say        called with a line before each part, and awaited
 */
export async function work({ dist, floorNames, readText, say = async () => {} }) {
  await say('loading the floors')
  const floors = await loadFloors(dist, floorNames)
  await say('training a tokenizer')
  const recipe = recipeOf(floors)
  const prepared = prepare(floors, await readText(corpusPath), recipe.tokenizer.vocabSize)
  const runs = {}
  for (const dialect of dialects) {
    await say(`training with the ${dialect} kernels`)
    runs[dialect] = await trainWith(floors, recipe, prepared, dialect)
  }
  return {
    floors: Object.fromEntries(Object.entries(floors).map(([name, module]) => [name, Object.keys(module).length])),
    tokenizerDigest: await digest(new TextEncoder().encode(prepared.tokenizer.toJson())),
    vocabSize: prepared.tokenizer.vocabSize,
    steps,
    runs,
  }
}
