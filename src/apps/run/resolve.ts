/** From a command line to a recipe: a built-in one by name or a module of the user's, with `--set`, `--seed` and `--data` carried out. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { usageError } from '../../base/errors.ts'
import { didYouMean } from '../../base/nearest.ts'
import { applySettings } from '../../base/settings.ts'
import { checkRecipe, type Recipe, recipes, recipeRules } from '../../pretraining/index.ts'
import type { Asked } from '../../report/index.ts'
import { checkLaterStages } from './check-later-stages.ts'

const isBuiltIn = (name: string): name is keyof typeof recipes => Object.hasOwn(recipes, name)

/**
 * The recipe that was asked for, checked.
 *
 * @throws UsageError naming everything that is wrong with it
 */
export async function resolveRecipe(asked: Asked): Promise<Recipe> {
  const base = isBuiltIn(asked.recipe) ? recipes[asked.recipe]() : await loadRecipe(asked.recipe)
  const own: Recipe = {
    ...base,
    ...(asked.seed !== null && { seed: asked.seed }),
    // Weights name domains of the built-in text; the user's own has its own.
    ...(asked.data.length > 0 && {
      data: { ...base.data, set: 'none', paths: asked.data, weights: {} },
    }),
  }
  const { conversations } = asked
  if (conversations.length > 0 && own.sft === null)
    throw usageError('--conversations', 'a recipe that fine-tunes', `${own.name}, whose sft is null`, 'Use a recipe with a section sft.')
  const withOwn = conversations.length > 0 ? { ...own, sft: { ...own.sft!, paths: conversations } } : own
  const recipe = withFullPaths(checkRecipe(applySettings(withOwn, asked.settings, recipeRules), `recipe ${asked.recipe}`))
  await checkLaterStages(recipe)
  return recipe
}

/** Files by their full paths: a run may be gone on with from another folder. */
function withFullPaths(recipe: Recipe): Recipe {
  const { data, sft, rl } = recipe
  const full = (paths: readonly string[]) => paths.map((file) => path.resolve(file))
  return {
    ...recipe,
    data: { ...data, paths: full(data.paths) },
    sft: sft && { ...sft, paths: full(sft.paths) },
    rl: rl && { ...rl, verifier: rl.verifier === null ? null : path.resolve(rl.verifier) },
  }
}

/** A module whose default export is a recipe, or a function that returns one. */
async function loadRecipe(file: string): Promise<Recipe> {
  const names = Object.keys(recipes)
  if (!/\.[cm]?[jt]s$/.test(file)) {
    const hint = didYouMean(file, names) || 'A run is named by its folder: runs/first.'
    throw usageError('recipe', `${names.join(', ')}, a .ts or .js file, or the folder of a run`, `"${file}"`, hint)
  }
  if (!existsSync(file)) throw usageError('recipe', 'a file', `nothing at ${file}`, 'Check the path.')
  let module: { readonly default?: unknown }
  try {
    module = (await import(pathToFileURL(path.resolve(file)).href)) as typeof module
  } catch (cause) {
    const { message } = cause as Error
    throw usageError(file, 'a module that loads', message.replace(/\.$/, ''), hintFor(cause as NodeJS.ErrnoException), cause)
  }
  const made: unknown = typeof module.default === 'function' ? await (module.default as () => unknown)() : module.default
  return checkRecipe(made, file)
}

/** What to do about a module that does not load, where Node's message does not say. */
function hintFor({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return 'This Node reads no TypeScript: use 22.18 or newer, or write the recipe as .mjs.'
  if (/outside a module|Unexpected token 'export'/.test(message))
    return 'End its name in .mts or .mjs, or say "type": "module" in the package.json of its folder.'
  return 'Mend it.'
}
