/** Imports point down: the order of `src/floors.ts`, and what keeps every floor below `apps` loadable in a browser tab. */
import assert from 'node:assert/strict'
import { isBuiltin } from 'node:module'
import path from 'node:path'
import { test } from 'node:test'
import { floors } from '../../src/floors.ts'
import { importsOf, projectFiles, shippedFiles, type ProjectFile } from './source-files.ts'

const heights = new Map<string, number>(floors.map(({ name }, height) => [name, height]))
const top = heights.get('apps')!
const platform = 'src/base/platform.ts'

/** Height of the floor of a file; undefined for files that stand outside, such as `src/floors.ts`. */
const heightOf = (name: string) => (name.startsWith('src/') ? heights.get(name.split('/')[1]) : undefined)

/** One sentence for each import of a file that its floor forbids. */
function violationsOf({ name, text }: ProjectFile): string[] {
  const height = heightOf(name)
  const isTest = name.endsWith('.test.ts')
  return importsOf(text).flatMap(({ specifier }) => {
    if (isBuiltin(specifier)) {
      const isAllowed = height === undefined || height === top || isTest || name === platform
      return isAllowed ? [] : [`${name} imports ${specifier}: below apps, Node is reached through ${platform} only`]
    }
    if (!specifier.startsWith('.')) return []
    const target = path.posix.join(path.posix.dirname(name), specifier)
    if (height === undefined) return []
    if (!target.startsWith('src/')) return [`${name} imports ${target}, which is no part of the library`]
    const targetHeight = heightOf(target) ?? 0
    return targetHeight > height ? [`${name} imports ${target}: ${floors[targetHeight].name} is above ${floors[height].name}`] : []
  })
}

test('every import, of a type too, stays on its floor or goes down', () => {
  assert.deepEqual(shippedFiles().flatMap(violationsOf), [])
})

test('tests of a floor keep to it as well', () => {
  const tests = projectFiles('src', /\.test\.ts$/)
  // What a test compares with may lie outside the library: goldens, recipes, the twins in test/.
  const violations = tests.flatMap(violationsOf).filter((violation) => !violation.endsWith('no part of the library'))
  assert.deepEqual(violations, [])
})

test('an import of Node at the top of the platform file would break the browser', () => {
  const statically = importsOf(projectFiles('src/base', /^platform\.ts$/)[0].text).filter(({ isStatic }) => isStatic)
  assert.deepEqual(
    statically.filter(({ specifier }) => isBuiltin(specifier)),
    [],
  )
})

test('only apps prints', () => {
  const printing = shippedFiles().filter(
    ({ name, text }) => heightOf(name) !== top && /\bconsole\.\w+\(|\bprocess\.std(?:out|err)\b/.test(text),
  )
  assert.deepEqual(
    printing.map(({ name }) => name),
    [],
  )
})

test('every folder of src is a floor', () => {
  const folders = new Set(shippedFiles().map(({ name }) => name.split('/')[1]))
  assert.deepEqual(
    [...folders].filter((folder) => !folder.endsWith('.ts') && !heights.has(folder)),
    [],
  )
})

test('the rule catches what it should', () => {
  const upward = [
    `import { a } from '../apps/cli.ts'`,
    `import type { A } from '../architecture/config.ts'`,
    `import {\n  a,\n  b,\n} from '../foundations/index.ts'`,
    `export * from '../compute/dims.ts'`,
    `const load = () => import('../compute/dims.ts')`,
    `type A = import('../compute/dims.ts').A`,
    `import '../compute/dims.ts'`,
    `import fs from 'node:fs'`,
    `import { readFileSync } from 'fs'`,
    `type Fs = typeof import('node:fs')`,
    `import { a } from '../../recipes/nano.ts'`,
  ]
  for (const text of upward) assert.equal(violationsOf({ name: 'src/base/made.ts', text }).length, 1, text)
  const allowed = [
    `import { a } from './errors.ts'`,
    `import { z } from 'zod'`,
    `// import a from '../apps/cli.ts'`,
    `/** see import('../apps/x.ts') */`,
  ]
  for (const text of allowed) assert.deepEqual(violationsOf({ name: 'src/base/made.ts', text }), [], text)
  assert.deepEqual(violationsOf({ name: 'src/apps/made.ts', text: `import fs from 'node:fs'\nimport '../base/errors.ts'` }), [])
})
