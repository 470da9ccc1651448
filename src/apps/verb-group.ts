/** A verb that is a group of commands: what is said when none of them is named, or one that does not exist. */
import type { Command } from 'commander'
import { usageError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'

/**
 * Makes a command the head of a group, once its commands are added.
 *
 * @param group throws a UsageError when it is called by itself
 */
export function verbGroup(group: Command): void {
  group.allowExcessArguments(true).action(() => {
    const names = group.commands.map((command) => command.name())
    const [given] = group.args
    const hint = given === undefined ? '' : didYouMean(given, names)
    throw usageError(group.name(), `one of ${names.join(', ')}`, given === undefined ? 'nothing' : `"${given}"`, hint)
  })
}
