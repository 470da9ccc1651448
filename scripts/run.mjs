/**
 * What `npm start`, `npm test`, `npm run check` and the other npm scripts do: set up, then run with the right Node.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { root, setup } from './setup.mjs'

const node = setup()
const [verb, ...rest] = process.argv.slice(2)

function run(args) {
  // Signals reach the child through the terminal's process group: it ends by itself, and its status is ours.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
  const { status, signal } = spawnSync(node, args, { cwd: verb === 'strata' ? (process.env.INIT_CWD ?? root) : root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? { SIGINT: 130, SIGTERM: 143 }[signal] ?? 1)
}

const tool = (name, ...args) => run([path.join(root, 'node_modules', name, ...args.shift().split('/')), ...args])
const cli = path.join(root, 'src', 'apps', 'cli.ts')

const testFiles = (folder) =>
  readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort()

const verbs = {
  start: () => run([cli, 'start', ...rest]),
  strata: () => run([cli, ...rest]),
  test: () => run(['--test', ...(rest.length > 0 ? rest : ['src', 'test', 'bench'].flatMap(testFiles))]),
  check: () => {
    tool('typescript', 'bin/tsc', '-p', 'tsconfig.json')
    tool('oxlint', 'bin/oxlint', '--type-aware', '--deny-warnings')
    tool('oxfmt', 'bin/oxfmt', '--check')
    tool('knip', 'bin/knip.js')
  },
  conformance: () => run([path.join(root, 'scripts', 'conformance', 'conformance.ts'), ...rest]),
  peers: () => run([path.join(root, 'bench', 'peers', 'run.mjs'), ...rest]),
  format: () => tool('oxfmt', 'bin/oxfmt'),
  build: () => {
    rmSync(path.join(root, 'dist'), { recursive: true, force: true })
    tool('typescript', 'bin/tsc', '-p', 'tsconfig.build.json')
    cpSync(path.join(root, 'build', 'kernels'), path.join(root, 'dist', 'kernels'), { recursive: true })
  },
}

if (!verbs[verb]) {
  console.error(`scripts/run.mjs: expected one of ${Object.keys(verbs).join(', ')}, got ${verb}.`)
  process.exit(2)
}
verbs[verb]()
