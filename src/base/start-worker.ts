/**
 * Starts workers of Node: with those of this process's flags that say how modules are found. Node by
 * itself hands all of them on, and a worker refuses some, such as the `--input-type` of a program given with `--eval`.
 */
import { usageError } from './errors.ts'
import { node } from './platform.ts'

const withValue = /^(?:--import|--require|-r|--conditions|-C|--loader|--experimental-loader)(?<value>=|$)/
const withoutValue = /^--preserve-symlinks(?:-main)?$/

type Workers = ReturnType<typeof node>['workerThreads']
export type NodeWorker = InstanceType<Workers['Worker']>

/**
 * Starts a worker of Node. Flags in `NODE_OPTIONS` count as if they were typed.
 *
 * @param file a module of ours
 * @throws UsageError where the permissions of this process allow no workers
 */
export function startWorker(file: URL, options: ConstructorParameters<Workers['Worker']>[1]): NodeWorker {
  const { execArgv } = globalThis.process
  const { NODE_OPTIONS = '', ...env } = globalThis.process.env
  try {
    return new (node().workerThreads.Worker)(file, { ...options, execArgv: moduleFlags([...wordsOf(NODE_OPTIONS), ...execArgv]), env })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_ACCESS_DENIED') throw cause
    const hint = 'Give Node --allow-worker beside --permission, or compute with one thread.'
    throw usageError('threads', 'a process that may start workers', 'one without that permission', hint, cause)
  }
}

/** The flags about modules, in order, each with its value. */
export function moduleFlags(flags: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < flags.length; i++) {
    const match = withValue.exec(flags[i])
    if (match || withoutValue.test(flags[i])) kept.push(flags[i])
    if (match?.groups?.value === '' && i + 1 < flags.length) kept.push(flags[++i])
  }
  return kept
}

/** `NODE_OPTIONS` in words, as Node reads it: blanks part them, double quotes hold together, a backslash in quotes escapes. */
export function wordsOf(options: string): string[] {
  const words = options.match(/(?:[^ "]|"(?:\\.|[^"\\])*"?)+/g) ?? []
  return words.map((word) => word.replace(/"((?:\\.|[^"\\])*)"?/g, (_, quoted: string) => quoted.replace(/\\(.)/g, '$1')))
}
