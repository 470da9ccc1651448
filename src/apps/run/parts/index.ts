/** All parts of a run in their order. */
import type { Recipe } from '../../../pretraining/index.ts'
import type { Part, Until } from '../part.ts'
import { evaluatePart } from './evaluate.ts'
import { pretrainPart } from './pretrain.ts'
import { samplesPart } from './samples.ts'

const parts: readonly Part[] = [pretrainPart, evaluatePart('pretrain', 'extend'), samplesPart]

const order: readonly Until[] = ['pretrain', 'extend', 'sft', 'rl', 'report']

/** The parts that a recipe asks for, up to where a run shall go. */
export const partsUntil = (until: Until, recipe: Recipe): Part[] =>
  parts.filter((part) => order.indexOf(part.until) <= order.indexOf(until) && part.isWanted(recipe))
