/** How to type a command: in a clone through npm, installed through npx. */

/** "npm run -s strata -- generate runs/first" or "npx strata generate runs/first". */
export function commandLine(...words: readonly string[]): string {
  const program = import.meta.url.endsWith('.ts') ? 'npm run -s strata --' : 'npx strata'
  return [program, ...words.map((word) => (/^[\w./=:-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))].join(' ')
}
