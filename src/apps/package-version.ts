/** The version of this package, from its own package.json: two folders up in a clone and in the installed package alike. */
import { readFileSync } from 'node:fs'

/** For example "0.1.0". */
export function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
