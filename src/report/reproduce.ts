/** How to make the run again: the command, the machine with its ceilings, the text, and the recipe itself. */
import { formatBytes, formatCount, formatSeconds } from '../base/format.ts'
import { settingPaths } from '../base/settings.ts'
import { type RecipeName, recipes, type Stage } from '../pretraining/index.ts'
import { table } from './blocks.ts'
import { html, type Html, join } from './html.ts'
import type { RunFacts } from './run-facts.ts'
import type { RunDocument } from './run-record.ts'
import { digits, listed } from './wording.ts'

/** Command, machine, text, stages, recipe. */
export function howToReproduce(run: RunFacts): Html {
  const { document } = run
  const { versions, machine, derivation } = document
  return html`<section id="reproduce">
    <h2>How to reproduce this run</h2>
    <p>
      The run was asked for with the first of these commands, or one that means the same; the second makes this page again from the run’s
      folder, byte for byte. In a clone, <code>npm run -s strata --</code> stands in the place of <code>strata</code>.
    </p>
    <pre><code>${commandOf(document, run.name)}
strata report runs/${run.name}</code></pre>
    ${exactCommand(document, run.name)}
    <p>
      Strata ${versions.strata} on Node ${versions.node.replace(/^v/, '')}. The same seed, recipe, text and kernels give the same weights
      bit for bit, on any number of threads; times differ from machine to machine. Kernels: ${machine.kernels.dialect}
      (${machine.kernels.reason}).
    </p>
    ${machineTable(document)}${textTable(run)}${stageTable(run)}${
      derivation.length > 0
        ? html`<p>Size and length follow from the time that was asked for:</p>
            <ul>
              ${derivation.map((step) => html`<li>${step}</li> `)}
            </ul> `
        : null
    }
    <h3>The recipe</h3>
    <p>Complete: nothing about the run is decided anywhere else.</p>
    ${recipeList(document.recipe)}
  </section> `
}

const quoted = (word: string) => (/^[\w./=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`)

/** The command line of a run. */
function commandOf({ asked }: RunDocument, name: string): string {
  const isStart = asked.budget?.derives === 'tokens'
  const flags = [
    ...(isStart && name === 'first' ? [] : ['--name', name]),
    ...asked.data.flatMap((path) => ['--data', path]),
    ...asked.conversations.flatMap((path) => ['--conversations', path]),
    ...asked.settings.flatMap((setting) => ['--set', setting]),
    ...(asked.seed === null ? [] : ['--seed', String(asked.seed)]),
    ...(asked.budget === null || isStart ? [] : ['--budget', `${asked.budget.seconds}s`]),
  ]
  return ['strata', ...(isStart ? ['start'] : ['run', asked.recipe]), ...flags].map(quoted).join(' ')
}

/** Time decides differently on another machine: the same weights need the same numbers. */
function exactCommand({ asked, recipe }: RunDocument, name: string): Html | null {
  if (asked.budget === null || !Object.hasOwn(recipes, asked.recipe)) return null
  const base = recipes[asked.recipe as RecipeName]()
  const settings = settingPaths(recipe).flatMap((path) => {
    const value = at(recipe, path)
    const isOwn = path === 'name' || path.startsWith('data.') || path.startsWith('sft.paths')
    return isOwn || typeof value === 'object' || value === at(base, path) ? [] : ['--set', `${path}=${String(value)}`]
  })
  const data = [...asked.data.flatMap((path) => ['--data', path]), ...asked.conversations.flatMap((path) => ['--conversations', path])]
  return html`<p>What the time came to on this machine, as numbers; with them another machine trains the same weights:</p>
    <pre><code>${['strata', 'run', asked.recipe, '--name', `${name}-again`, ...data, ...settings].map(quoted).join(' ')}</code></pre> `
}

/** What stands at a path of a document: "training.tokens". */
const at = (document: object, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>> | null | undefined)?.[key], document)

function machineTable({ machine, ceilings }: RunDocument): Html {
  const { gflopsOneThread, gflopsAllThreads, streamGBs, threads } = ceilings
  return table({
    id: 'machine',
    caption: html`The machine, with the ceilings that were measured before training: speeds are to be read beside them.`,
    columns: [{ title: 'property' }, { title: 'value' }],
    rows: [
      ['platform', machine.platform],
      ['processor', machine.processor],
      ['memory', formatBytes(machine.memoryBytes)],
      ['threads', threads],
      ['multiply and add, one thread', `${digits(gflopsOneThread)} GFLOP/s`],
      ['multiply and add, all threads', `${digits(gflopsAllThreads)} GFLOP/s`],
      ['reading memory in order', `${digits(streamGBs)} GB/s`],
    ],
  })
}

function textTable(run: RunFacts): Html | null {
  const domains = run.latestOf('data-tokenized', ({ domain }) => domain)
  if (domains.length === 0) return null
  const sources = run.latestOf('data-source', ({ source, domain }) => `${domain} ${source}`)
  const sourcesOf = (name: string) =>
    sources.flatMap(({ source, domain, documents }) => (domain === name ? [`${source} (${documents.toLocaleString('en')})`] : []))
  const vendored = run.document.recipe.data.set === 'vendored' ? 'part of the package' : 'not named'
  const total = domains.reduce((sum, { tokens }) => sum + tokens, 0)
  return table({
    id: 'text',
    caption: html`The text: ${formatCount(total)} tokens once copies are taken out, held-out text included. In brackets the documents of a
      source; licences: <code>strata data list</code>.`,
    columns: [{ title: 'domain' }, { title: 'tokens', align: 'end' }, { title: 'size', align: 'end' }, { title: 'sources' }],
    rows: domains.map(({ domain, tokens, utf8Bytes }) => [
      domain,
      formatCount(tokens),
      formatBytes(utf8Bytes),
      listed(sourcesOf(domain)) || vendored,
    ]),
  })
}

const stageNames: Readonly<Record<Stage, string>> = {
  pretrain: 'pre-training',
  'extend-1': 'context extension, first stage',
  'extend-2': 'context extension, second stage',
  'extend-jump': 'context extension in one jump, the control',
  sft: 'fine-tuning',
  rl: 'reinforcement',
  'rl-shuffled': 'reinforcement with shuffled rewards, the control',
}

const otherParts: Readonly<Record<string, string>> = {
  data: 'text and tokenizer',
  samples: 'samples',
  inference: 'measuring inference',
  ablations: 'ablations',
}

/** What a part of a run is called. */
function partName(part: string): string {
  const stage = part.replace(/^evaluate-/, '') as Stage
  const name = stageNames[stage] ?? otherParts[part] ?? part
  return part === stage ? name : `evaluation after ${name}`
}

function stageTable(run: RunFacts): Html | null {
  const stages = run.latestOf('run/stage', ({ stage }) => stage)
  if (stages.length === 0) return null
  const total = stages.reduce((sum, { seconds }) => sum + seconds, 0)
  return table({
    id: 'stages',
    caption: html`What was done, and the time that it took; ${formatSeconds(total)} in all.`,
    columns: [{ title: 'part' }, { title: 'time', align: 'end' }],
    rows: stages.map(({ stage, seconds }) => [partName(stage), formatSeconds(seconds)]),
  })
}

/** A group of settings: its path in the recipe, and the values that stand directly in it. */
interface SettingsGroup {
  readonly path: string
  readonly settings: readonly (readonly [name: string, value: string])[]
}

/** Every setting of a recipe, group by group, as `--set` names them. */
function settingsGroups(value: object, path = ''): SettingsGroup[] {
  const entries = Object.entries(value) as [string, unknown][]
  const isGroup = (inner: unknown): inner is object => typeof inner === 'object' && inner !== null && !Array.isArray(inner)
  const own = entries.filter(([, inner]) => !isGroup(inner)).map(([name, inner]) => [name, JSON.stringify(inner)] as const)
  const groups = entries.flatMap(([name, inner]) => (isGroup(inner) ? settingsGroups(inner, path ? `${path}.${name}` : name) : []))
  return [...(own.length > 0 ? [{ path, settings: own }] : []), ...groups]
}

function recipeList(recipe: object): Html {
  return html`<dl class="recipe">
    ${settingsGroups(recipe).map(
      ({ path, settings }) =>
        html`<dt>${path === '' ? 'the run' : html`<code>${path}</code>`}</dt>
          <dd>
            ${join(
              settings.map(([name, value]) => html`<code>${name}</code> ${value.replaceAll('"', '').replaceAll(',', ', ')}`),
              html` · `,
            )}
          </dd> `,
    )}
  </dl> `
}
