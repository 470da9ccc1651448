/** The work in Node, its result as one JSON document on standard output. Started by check.mjs with the project's Node. */
import { existsSync, readFileSync } from 'node:fs'
import { work } from './work.mjs'

const root = new URL('../../', import.meta.url)
const dist = new URL('dist/', root)
const { floors } = await import(new URL('floors.js', dist).href)
// A floor without an index has nothing to import yet.
const floorNames = floors.map(({ name }) => name).filter((name) => name !== 'apps' && existsSync(new URL(`${name}/index.js`, dist)))
const result = await work({ dist: dist.href, floorNames, readText: (path) => readFileSync(new URL(path, root), 'utf8') })
process.stdout.write(`${JSON.stringify(result)}\n`)
