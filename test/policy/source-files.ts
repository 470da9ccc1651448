/** The project's own files and what they import, for the tests of this folder. */
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'

export const root = path.resolve(import.meta.dirname, '..', '..')

const notOurs = new Set(['.cache', '.git', '.venv', '__pycache__', 'build', 'dist', 'node_modules', 'runs'])

/** One file of the project. */
export interface ProjectFile {
  /** From the root, with slashes: "src/base/errors.ts". */
  readonly name: string
  readonly text: string
}

/**
 * Files below a folder of the project whose names match.
 *
 * @param folder from the root; "" for all
 */
export function projectFiles(folder: string, pattern: RegExp): ProjectFile[] {
  const found: ProjectFile[] = []
  const visit = (inside: string) => {
    for (const entry of readdirSync(path.join(root, inside), { withFileTypes: true })) {
      const name = path.posix.join(inside, entry.name)
      if (entry.isDirectory() && !notOurs.has(entry.name)) visit(name)
      else if (entry.isFile() && pattern.test(entry.name)) found.push({ name, text: readFileSync(path.join(root, name), 'utf8') })
    }
  }
  visit(folder)
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** TypeScript below `src` that ships: no tests. */
export const shippedFiles = (): ProjectFile[] => projectFiles('src', /\.ts$/).filter(({ name }) => !name.endsWith('.test.ts'))

/** A module that a file names, and how. */
export interface Import {
  readonly specifier: string
  /** `import … from`, `export … from` and `import '…'` at the top; not `import('…')`. */
  readonly isStatic: boolean
}

/** Text without comments, as far as files in this project's format need it: comments start a line or follow code and two slashes. */
const withoutComments = (text: string) => text.replace(/\/\*[^]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')

/** Everything that a source text imports: values and types, statically, dynamically, and as `import('…')` in a type. */
export function importsOf(text: string): Import[] {
  const code = withoutComments(text)
  const statically = /^(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]/gm
  const inExpressions = /\bimport\(\s*['"`]([^'"`]+)['"`]/g
  return [
    ...Array.from(code.matchAll(statically), ([, specifier]) => ({ specifier: specifier, isStatic: true })),
    ...Array.from(code.matchAll(inExpressions), ([, specifier]) => ({ specifier: specifier, isStatic: false })),
  ]
}
