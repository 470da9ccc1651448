/** All parts of a run in their order. */
import type { Recipe } from '../../../pretraining/index.ts'
import type { Part, Until } from '../part.ts'
import { ablatePart } from './ablate.ts'
import { evaluatePart } from './evaluate.ts'
import { extendPart, hasExtension } from './extend.ts'
import { pretrainPart } from './pretrain.ts'
import { inferencePart } from './inference.ts'
import { hasReinforcement, rlPart, sftPart } from './posttrain.ts'
import { samplesPart } from './samples.ts'

const parts: readonly Part[] = [
  pretrainPart,
  evaluatePart('pretrain', 'extend'),
  samplesPart,
  extendPart('extend-1'),
  evaluatePart('extend-1', 'extend', hasExtension('extend-1')),
  extendPart('extend-2'),
  evaluatePart('extend-2', 'extend', hasExtension('extend-2')),
  extendPart('extend-jump'),
  evaluatePart('extend-jump', 'extend', hasExtension('extend-jump')),
  sftPart,
  evaluatePart('sft', 'sft', sftPart.isWanted),
  rlPart('rl'),
  evaluatePart('rl', 'rl', hasReinforcement('rl')),
  rlPart('rl-shuffled'),
  evaluatePart('rl-shuffled', 'rl', hasReinforcement('rl-shuffled')),
  inferencePart,
  ablatePart,
]

const order: readonly Until[] = ['pretrain', 'extend', 'sft', 'rl', 'report']

/** The parts that a recipe asks for, up to where a run shall go. */
export const partsUntil = (until: Until, recipe: Recipe): Part[] =>
  parts.filter((part) => order.indexOf(part.until) <= order.indexOf(until) && part.isWanted(recipe))
