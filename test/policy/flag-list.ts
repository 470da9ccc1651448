/**
 * Every verb with its arguments and flags, as text. Prints it when run:
 *
 *   node test/policy/flag-list.ts > test/policy/flags.txt
 */
import type { Command } from 'commander'
import { createProgram } from '../../src/apps/program.ts'

function linesOf(command: Command, path: string): string[] {
  const argumentsText = command.registeredArguments
    .map((argument) => ` ${argument.required ? `<${argument.name()}>` : `[${argument.name()}]`}`)
    .join('')
  const flags = command.options.map((option) => `  ${option.flags}`).sort()
  return [`${path}${argumentsText}`, ...flags, ...command.commands.flatMap((child) => linesOf(child, `${path} ${child.name()}`))]
}

/** The list, one line a verb or flag. */
export async function flagList(): Promise<string> {
  return `${linesOf(await createProgram(() => true), 'strata').join('\n')}\n`
}

if (import.meta.main) process.stdout.write(await flagList())
