/** Three samples of the base model: it goes on from held-out text, one domain after the other in the order of their weights. */
import { Engine, generate } from '../../../inference/index.ts'
import { loadModelFolder } from '../../../infrastructure/index.ts'
import { pause, type Part, type RunContext } from '../part.ts'

export const samplesPart: Part = {
  name: 'samples',
  until: 'extend',
  isWanted: ({ samples }) => samples.count > 0,
  work: writeSamples,
}

async function writeSamples(context: RunContext): Promise<void> {
  const { machine, run, text, document, output } = context
  const { recipe } = document
  const { count, promptCharacters, maxTokens, temperature, topP } = recipe.samples
  const domains = text.corpus.domains.filter(({ heldOut }) => heldOut.length > 0).sort((a, b) => b.weight - a.weight)
  if (domains.length === 0) return
  const { model } = loadModelFolder(machine, run.modelFolder, { withGradients: false })
  const engine = new Engine(model, text.tokenizer)
  for (let index = 0; index < count; index++) {
    output.progress({ stage: 'samples', step: index + 1, stepCount: count })
    const { name, heldOut } = domains[index % domains.length]
    const prompt = promptFrom(heldOut[Math.floor(index / domains.length) % heldOut.length].text, promptCharacters)
    const ids = text.tokenizer.encode(prompt)
    const roomLength = Math.max(1, Math.min(ids.length, recipe.model.maxLength - 1))
    const promptIds = [text.tokenizer.eosId, ...ids].slice(-roomLength)
    const pieces = generate(engine, promptIds, { maxTokens, temperature, topP, seed: recipe.seed + index })
    const sampled = Array.from(pieces, (piece) => piece.text).join('')
    run.log.append({ type: 'samples/text', domain: name, prompt, text: sampled, temperature, topP })
    await pause(context)
  }
  engine.free()
}

/** The beginning of a document up to about so many characters, ended between two words. */
function promptFrom(text: string, characters: number): string {
  const start = text.trimStart().slice(0, characters)
  const space = start.search(/\s\S*$/)
  return (space > characters / 2 ? start.slice(0, space) : start).toWellFormed().trimEnd()
}
