/**
 * The Python side of conformance and of the PyTorch peer: a virtual environment of its own under `.cache/conformance`,
 * with the pinned packages of `requirements.txt`. Nothing of Strata needs it; whoever calls this skips when it is not to be had.
 *
 * Plain JavaScript without dependencies. Run it alone to set up and see time and size: `node scripts/conformance/setup.mjs`.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.resolve(here, '..', '..')
const home = path.join(root, '.cache', 'conformance')
const venv = path.join(home, 'venv')
const requirements = path.join(here, 'requirements.txt')
const isWindows = process.platform === 'win32'
const venvPython = isWindows ? path.join(venv, 'Scripts', 'python.exe') : path.join(venv, 'bin', 'python')

const oldestMinor = 11
const candidates = isWindows ? ['python'] : ['python3', 'python3.13', 'python3.12', 'python3.11']

/** → the first Python 3.11 or newer on the path, or null */
function findPython() {
  for (const command of candidates) {
    const { status, stdout } = spawnSync(command, ['-c', 'import sys; print(*sys.version_info[:3], sep=".")'], { encoding: 'utf8' })
    if (status !== 0) continue
    const version = stdout.trim()
    const [major, minor] = version.split('.').map(Number)
    if (major === 3 && minor >= oldestMinor) return { command, version }
  }
  return null
}

/** Bytes of all files under `folder`, links not followed. */
function folderBytes(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + lstatSync(path.join(entry.parentPath ?? entry.path, entry.name)).size, 0)
}

/** The last lines of what a failed command said. */
const lastLines = (text, count = 6) => text.trim().split('\n').slice(-count).join('\n')

/**
 * Makes the environment unless it is there and was made from the same requirements.
 *
 * @param say where progress goes, one line a call
 * @returns {{ python: string } | { skipped: string }} path of the environment's Python, or one sentence why there is none
 */
export function ensurePython(say = (line) => process.stderr.write(`${line}\n`)) {
  const stamp = path.join(home, 'stamp')
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  if (existsSync(venvPython) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return { python: venvPython }

  const found = findPython()
  if (!found) return { skipped: `no Python 3.${oldestMinor} or newer on the path (tried ${candidates.join(', ')})` }

  say(`conformance: installing PyTorch and transformers for Python ${found.version} into .cache/conformance (once; up to 3 GB on Linux)`)
  const startedMs = performance.now()
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  const made = spawnSync(found.command, ['-m', 'venv', venv], { encoding: 'utf8' })
  if (made.status !== 0) return { skipped: `python -m venv failed: ${lastLines(made.stdout + made.stderr)}` }

  const pip = ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--disable-pip-version-check', '-r', requirements]
  const installed = spawnSync(venvPython, pip, { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (installed.status !== 0)
    return { skipped: `pip could not install requirements.txt: ${lastLines(installed.stdout + installed.stderr)}` }

  writeFileSync(stamp, wanted)
  const seconds = (performance.now() - startedMs) / 1000
  say(`conformance: ready in ${seconds.toFixed(0)} s, ${(folderBytes(home) / 2 ** 30).toFixed(1)} GiB on disk`)
  return { python: venvPython }
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const result = ensurePython()
  if ('skipped' in result) {
    process.stderr.write(`conformance: skipped: ${result.skipped}.\n`)
    process.exitCode = 3
  } else {
    process.stdout.write(`${result.python}\n`)
  }
}
