/** Claims and chapters write their commands for the run that `npm start` makes; what is printed names the run itself. */
import type { RunFacts } from './run-facts.ts'

const firstRun = 'runs/first'

/** @param text of a command, or with commands in it @returns the same for this run */
export function namedForRun(text: string, { name }: Pick<RunFacts, 'name'>): string {
  return text.replaceAll(firstRun, `runs/${name}`)
}
