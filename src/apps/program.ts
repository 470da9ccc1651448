/**
 * From arguments to an exit status: finds the verb, runs it, and turns whatever it throws into a message for the right
 * reader.
 *
 *   0  done
 *   1  our fault: the stack, and where to report it
 *   2  yours (`UsageError`): what was expected, what was there, what to do; no stack
 *   130 or 143  interrupted by SIGINT or SIGTERM (interrupt.ts)
 *
 * With `--json` an error is a JSON document on standard output too, {"error":{"kind":"usage"|"defect","message":…}}, so a
 * program that reads the output always finds one document there; people read the same message on standard error.
 */
import { Command, CommanderError, Help, type Option } from 'commander'
import { UsageError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import { createPaint } from './colour.ts'
import type { Stream } from './output.ts'
import { packageVersion } from './package-version.ts'
import { verbs as allVerbs, type Verb } from './verbs.ts'

export interface ProgramOptions {
  readonly verbs?: readonly Verb[]
  readonly stdout?: Stream
  readonly stderr?: Stream
  /** Done before a verb acts; what it throws is reported as the verb's own errors are. */
  readonly begin?: () => void
}

/**
 * The command tree. Verbs that are not loaded stand in it with name and summary only.
 *
 * @param load which verbs to load; all of them for a test that looks at every flag
 */
export async function createProgram(load: (verb: Verb) => boolean, options: ProgramOptions = {}): Promise<Command> {
  const { verbs = allVerbs, stdout = process.stdout } = options
  const program = new Command('strata')
    .description('A frontier language-model stack in TypeScript: train, plan, generate, measure.')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand(false)
    .usage('<verb> [options]')
    .configureHelp({ optionDescription: describeOption })
    .configureOutput({ writeOut: (text) => void stdout.write(text), writeErr: () => {} })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nType "strata <verb> --help" for what a verb takes.\nExit status: 0 done, 1 a defect of Strata, 2 something to mend in the command or its files, 130 interrupted by Ctrl-C (143 by SIGTERM): the same command goes on.',
    )
  for (const verb of verbs) {
    if (load(verb)) (await verb.load()).register(program)
    else program.command(verb.name).description(verb.summary)
  }
  program.hook('preAction', () => options.begin?.())
  prepare(program, 'strata')
  return program
}

/** A flag that is off, or a list that is empty, unless it is given: that goes without saying. */
function describeOption(option: Option): string {
  const isObvious = option.defaultValue === false || (Array.isArray(option.defaultValue) && option.defaultValue.length === 0)
  return isObvious ? option.description : new Help().optionDescription(option)
}

/** Gives a command and those below it the house's error messages. */
function prepare(command: Command, path: string): void {
  command.exitOverride((error) => {
    if (error.exitCode === 0 || error.code === 'commander.help') throw error
    throw new UsageError(`${path}: ${sentence(error.message)} Type "${path} --help" for what it takes.`, { cause: error })
  })
  for (const child of command.commands) prepare(child, `${path} ${child.name()}`)
}

/** "error: unknown option '--sed'\n(Did you mean --seed?)" → "unknown option '--sed'. Did you mean --seed?" */
function sentence(message: string): string {
  const [first = '', suggestion] = message
    .replace(/^error: /, '')
    .replace(/^missing required argument '(.+)'/, 'expected <$1>, got nothing')
    .replace(/^too many arguments.*Expected (\d+ arguments?) but got (\d+)/, 'expected $1, got $2')
    .replace(/^option '(.+)' argument missing/, 'expected $1, got no value')
    .replace(/^required option '(.+)' not specified/, 'expected $1, got none')
    .split('\n')
  const hint = suggestion ? ` ${suggestion.replace(/^\((.*)\)$/, '$1')}` : ''
  return `${first.replace(/\.$/, '')}.${hint}`
}

/**
 * Runs one command line.
 *
 * @param args what stands behind `strata`
 * @returns the exit status
 */
export async function runProgram(args: readonly string[], options: ProgramOptions = {}): Promise<number> {
  const { verbs = allVerbs, stdout = process.stdout, stderr = process.stderr } = options
  const asked = args[0] === 'help' ? [...args.slice(1), '--help'] : args
  const [first = '--help'] = asked
  try {
    const names = verbs.map((verb) => verb.name)
    if (!first.startsWith('-') && !names.includes(first)) throw unknownVerb(first, names)
    const program = await createProgram((verb) => verb.name === first, options)
    await program.parseAsync(asked.length === 0 ? [first] : [...asked], { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return 0 // help or version was printed
    return reportError(error, isJsonAsked(args), stdout, stderr)
  }
}

const isJsonAsked = (args: readonly string[]) => args.slice(0, args.includes('--') ? args.indexOf('--') : undefined).includes('--json')

const unknownVerb = (name: string, names: readonly string[]) =>
  new UsageError(`strata: expected a verb, got "${name}". ${didYouMean(name, names) || `There are ${names.join(', ')}.`}`)

function reportError(error: unknown, isJson: boolean, stdout: Stream, stderr: Stream): number {
  const isUsage = error instanceof UsageError || isRefusedByMachine(error)
  const message = error instanceof Error ? error.message : String(error)
  const label = createPaint(stderr).bad('error:')
  if (isJson) stdout.write(`${JSON.stringify({ error: { kind: isUsage ? 'usage' : 'defect', message } })}\n`)
  if (isUsage) {
    stderr.write(`${label} ${message}\n`)
    return 2
  }
  const request = 'This is a defect of Strata. Please report it with the lines below, the command and what "strata doctor --json" prints.'
  stderr.write(`${label} ${message}\n${request}\n${describe(error)}\n`)
  return 1
}

/** A full disk, a folder without permission: nothing that a verb could have known, and nothing that a stack explains. */
const isRefusedByMachine = (error: unknown) =>
  error instanceof Error && ['EACCES', 'EDQUOT', 'EMFILE', 'ENOSPC', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')

/** Stack of an error and of what caused it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? String(error)
  return error.cause === undefined ? own : `${own}\ncaused by: ${describe(error.cause)}`
}
