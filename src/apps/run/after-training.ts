/** What follows training: the model is scored on held-out text beside compressors, and goes on from three pieces of it. */
import type { EventSink } from '../../base/run-log.ts'
import { chooseDocuments, compressTexts, scoreTexts } from '../../evaluation/index.ts'
import { Engine, generate } from '../../inference/index.ts'
import type { LoadedModel } from '../../infrastructure/index.ts'
import type { PreparedText, Recipe, TrainingProbe } from '../../pretraining/index.ts'
import type { Output } from '../output.ts'
import type { ProgressScoreEvent, RunRecordEvent, SampleEvent } from '../../report/index.ts'

/** Rows of held-out text that go through the model at once. */
const rowsAtOnce = 8

const scoring = ({ training }: Recipe, rows: number) => ({ rowLength: training.rowLength, rows })

/** The domains that have held-out text, and what of it is scored. */
function heldOutTexts({ corpus }: PreparedText, bytes: number, seed: number) {
  return corpus.domains
    .filter(({ heldOut }) => heldOut.length > 0)
    .map(({ name, heldOut }) => ({ name, texts: chooseDocuments(heldOut, bytes, seed) }))
    .filter(({ texts }) => texts.length > 0)
}

/**
 * Scores every domain, and the compressors on the same bytes.
 *
 * @param loaded the model as it was written
 */
export async function evaluate(loaded: LoadedModel, text: PreparedText, recipe: Recipe, log: EventSink<RunRecordEvent>, output: Output) {
  const domains = heldOutTexts(text, recipe.evaluation.bytesPerDomain, recipe.seed)
  for (const [index, { name, texts }] of domains.entries()) {
    const onProgress = async (share: number) => {
      output.progress({ stage: 'evaluate', detail: `${name} ${(share * 100).toFixed(0)} % (${index + 1} of ${domains.length})` })
      await Promise.resolve()
    }
    const score = await scoreTexts(loaded.model, text.tokenizer, name, texts, { ...scoring(recipe, rowsAtOnce), onProgress })
    log.append({ type: 'evaluation/domain', ...score, compressors: compressTexts(texts) })
  }
}

/** Scores on the way, on little text, at equal distances; none when the recipe asks for none. */
export function scoreOnTheWay(text: PreparedText, recipe: Recipe, stepCount: number, log: EventSink<ProgressScoreEvent>): TrainingProbe[] {
  const { scoresAlongTheWay, bytesAlongTheWay } = recipe.evaluation
  if (scoresAlongTheWay === 0) return []
  const domains = heldOutTexts(text, bytesAlongTheWay, recipe.seed)
  // No more than a step has: scoring must not raise the heap's high-water mark.
  const rows = Math.min(rowsAtOnce, recipe.training.microRows)
  const look: TrainingProbe['look'] = async ({ model, step }) => {
    const scores = []
    for (const { name, texts } of domains) scores.push(await scoreTexts(model, text.tokenizer, name, texts, scoring(recipe, rows)))
    log.append({ type: 'evaluation/on-the-way', step, scores })
  }
  return [{ everySteps: Math.max(1, Math.floor(stepCount / scoresAlongTheWay)), look }]
}

/** Goes on from held-out text, one domain after the other in the order of their weights, and writes each text as an event. */
export function writeSamples(loaded: LoadedModel, text: PreparedText, recipe: Recipe, log: EventSink<RunRecordEvent>): SampleEvent[] {
  const { count, promptCharacters, maxTokens, temperature, topP } = recipe.samples
  const domains = text.corpus.domains.filter(({ heldOut }) => heldOut.length > 0).sort((a, b) => b.weight - a.weight)
  if (domains.length === 0) return []
  const engine = new Engine(loaded.model, text.tokenizer)
  const samples: SampleEvent[] = []
  for (let index = 0; index < count; index++) {
    const { name, heldOut } = domains[index % domains.length]
    const prompt = promptFrom(heldOut[Math.floor(index / domains.length) % heldOut.length].text, promptCharacters)
    const ids = text.tokenizer.encode(prompt)
    const roomLength = Math.max(1, Math.min(ids.length, recipe.model.maxLength - 1))
    const promptIds = [text.tokenizer.eosId, ...ids].slice(-roomLength)
    const pieces = generate(engine, promptIds, { maxTokens, temperature, topP, seed: recipe.seed + index })
    const sample = {
      type: 'samples/text',
      domain: name,
      prompt,
      text: Array.from(pieces, (piece) => piece.text).join(''),
      temperature,
      topP,
    } as const
    log.append(sample)
    samples.push(sample)
  }
  engine.free()
  return samples
}

/** The beginning of a document up to about so many characters, ended between two words. */
function promptFrom(text: string, characters: number): string {
  const start = text.trimStart().slice(0, characters)
  const space = start.search(/\s\S*$/)
  return (space > characters / 2 ? start.slice(0, space) : start).toWellFormed().trimEnd()
}
