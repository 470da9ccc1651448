/** `strata inspect`: a model in numbers before anything is loaded, and what lies in its folder. */
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { countParameters, describeModel, isPresetName, type ModelConfig, presets } from '../../architecture/index.ts'
import { usageError } from '../../base/errors.ts'
import { formatBytes, formatCount } from '../../base/format.ts'
import { didYouMean } from '../../base/nearest.ts'
import { openSafetensorsFolder, type Tokenizer } from '../../foundations/index.ts'
import { isRunFolder, latestCheckpoint, locateModel, type ModelLocation, readModelFiles } from '../../infrastructure/index.ts'
import type { Stage } from '../../pretraining/index.ts'
import { commonFlags, type CommonFlags } from '../flags.ts'
import { modelText } from '../model-text.ts'
import { createOutput } from '../output.ts'

/** Weights of a folder, by the type that they are stored in. */
interface StoredWeights {
  readonly tensors: number
  readonly elements: number
  readonly bytes: number
  readonly dtypes: Readonly<Record<string, { readonly tensors: number; readonly bytes: number }>>
}

interface Inspected {
  readonly kind: 'preset' | 'config' | 'model' | 'run' | 'checkpoint'
  readonly config: ModelConfig
  /** Null where there is no folder, or no weights in it. */
  readonly weights: StoredWeights | null
  readonly tokenizer: Tokenizer | null
  /** Where each stage of a run stands, in the order of training; none for other folders. */
  readonly checkpoints: readonly { readonly stage: Stage; readonly folder: string; readonly step: number; readonly tokens: number }[]
  /** What is not as it should be, a sentence each. */
  readonly remarks: readonly string[]
}

/** Stages of training whose ends lead to the model. */
const trainingStages = ['pretrain', 'extend-1', 'extend-2', 'sft', 'rl'] as const satisfies readonly Stage[]

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('inspect')
    .summary('print a model in numbers: parameters, cache, work; and what lies in its folder')
    .description('Prints what a model is made of and what a token costs. Nothing is loaded, so any size will do.')
    .argument('<model>', `a preset (${Object.keys(presets).join(', ')}), a config.json, a model folder or a run folder`)
  commonFlags(command, 'json').action(run)
}

function run(name: string, flags: Pick<CommonFlags, 'json'>): void {
  const inspected = inspect(name)
  const { kind, config, weights, tokenizer, checkpoints, remarks } = inspected
  const description = describeModel(config)
  const document = {
    model: name,
    kind,
    ...description,
    config,
    weights,
    tokenizer: tokenizer && { vocabSize: tokenizer.vocabSize },
    checkpoints,
    remarks,
  }
  const { total, activated } = description.parameters
  createOutput({ json: flags.json }).result(document, () =>
    [
      `${name}: ${formatCount(total)} parameters, of which a token activates ${formatCount(activated)}${mtpText(description.parameters)}`,
      modelText(config, description),
      ...folderText(inspected),
    ].join('\n\n'),
  )
}

/** The module is counted apart, as published counts do; a run's summary counts both. */
const mtpText = ({ total, mtp }: Pick<ReturnType<typeof countParameters>, 'total' | 'mtp'>) =>
  mtp.unique === 0 ? '' : `; with the MTP module, which generation needs for drafts only, ${formatCount(total + mtp.unique)}`

function inspect(name: string): Inspected {
  const nothing = { weights: null, tokenizer: null, checkpoints: [], remarks: [] }
  if (isPresetName(name)) return { kind: 'preset', config: presets[name], ...nothing }
  if (!existsSync(name) && !/[./\\]/.test(name)) {
    const names = Object.keys(presets)
    throw usageError('inspect', `a preset (${names.join(', ')}) or a path`, `"${name}"`, didYouMean(name, names))
  }
  const isRun = existsSync(name) && statSync(name).isDirectory() && isRunFolder(name)
  const stages = isRun ? trainingStages.map((stage) => ({ stage, latest: latestCheckpoint(name, stage) })) : []
  const checkpoints = stages.flatMap(({ stage, latest: { found } }) =>
    found ? [{ stage, folder: found.folder, step: found.state.step, tokens: found.state.tokens }] : [],
  )
  const remarks = stages.flatMap(({ latest: { broken } }) => broken.map(({ reason }) => `A checkpoint cannot be used. ${reason}`))
  // A run that is still going has no model yet, and its latest checkpoint says what it is.
  const last = checkpoints.at(-1)
  const hasModel = !last || existsSync(path.join(name, 'model', 'config.json'))
  const location = locateModel(hasModel ? name : last.folder)
  const kind = hasModel ? location.kind : 'checkpoint'
  return { ...nothing, kind, checkpoints, ...readModelFiles(location), ...weightsOf(location, remarks) }
}

function weightsOf(location: ModelLocation, remarks: readonly string[]): Pick<Inspected, 'weights' | 'remarks'> {
  if (location.kind === 'config') return { weights: null, remarks }
  const names = ['model.safetensors', 'model.safetensors.index.json']
  if (!names.some((file) => existsSync(path.join(location.folder, file))))
    return { weights: null, remarks: [...remarks, `${location.folder} holds no weights.`] }
  const source = openSafetensorsFolder(location.folder)
  source.close()
  const dtypes: Record<string, { tensors: number; bytes: number }> = {}
  let [elements, bytes] = [0, 0]
  for (const { dtype, elementCount, byteLength } of source.tensors.values()) {
    const sum = (dtypes[dtype] ??= { tensors: 0, bytes: 0 })
    sum.tensors++
    sum.bytes += byteLength
    elements += elementCount
    bytes += byteLength
  }
  return { weights: { tensors: source.tensors.size, elements, bytes, dtypes }, remarks }
}

/** Why a file may hold more numbers than the model has: the released layout repeats embedding and head in each MTP layer. */
function copiesText(config: ModelConfig, { elements }: StoredWeights): string {
  const { total, mtp } = countParameters(config)
  return elements > total + mtp.unique ? ', with the copies of embedding and head that the layout has in each MTP layer' : ''
}

function folderText({ config, weights, tokenizer, checkpoints, remarks }: Inspected): string[] {
  const lines: string[] = []
  if (weights) {
    const kinds = Object.entries(weights.dtypes).map(([dtype, { tensors }]) => `${tensors.toLocaleString('en')} ${dtype}`)
    lines.push(`weights: ${kinds.join(', ')} tensors, ${formatBytes(weights.bytes)}${copiesText(config, weights)}`)
  }
  if (tokenizer) lines.push(`tokenizer: ${tokenizer.vocabSize.toLocaleString('en')} ids`)
  if (checkpoints.length > 0) {
    const stages = checkpoints.map(
      ({ stage, step, tokens }) => `${stage} at step ${step.toLocaleString('en')} (${formatCount(tokens)} tokens)`,
    )
    lines.push(`checkpoints: ${stages.join(', ')}, in ${path.dirname(checkpoints[0].folder)}`)
  }
  lines.push(...remarks)
  return lines.length > 0 ? [lines.join('\n')] : []
}
