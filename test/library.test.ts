/** The package as somebody else's program sees it: built, installed in another folder, imported by its subpaths. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { Workplace } from './end-to-end-helpers.ts'

const root = path.resolve(import.meta.dirname, '..')

/** Installs what `npm pack` would: package.json, the built files, the kernels. Dependencies are those of the clone. */
function install(place: Workplace): void {
  const target = place.at('node_modules', 'strata-lm')
  mkdirSync(target, { recursive: true })
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const built = spawnSync(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.build.json'), '--outDir', path.join(target, 'dist')], {
    encoding: 'utf8',
  })
  assert.equal(built.status, 0, built.stdout)
  cpSync(path.join(root, 'build', 'kernels'), path.join(target, 'dist', 'kernels'), { recursive: true })
  for (const file of ['package.json', 'vendor']) cpSync(path.join(root, file), path.join(target, file), { recursive: true })
  symlinkSync(path.join(root, 'node_modules'), path.join(target, 'node_modules'))
}

test('ten lines of a program load a model from its folder and stream a reply; every subpath imports, with its types', async () => {
  using place = new Workplace()
  const trained = await place.run('pretrain', 'tiny', '--threads', '1', '--set', 'training.tokens=2048')
  assert.equal(trained.status, 0, trained.stderr)
  install(place)
  const inPlace = (...args: readonly string[]) => spawnSync(process.execPath, args, { cwd: place.folder, encoding: 'utf8' })

  cpSync(path.join(root, 'examples', 'reply.mjs'), place.at('reply.mjs'))
  const lines = readFileSync(place.at('reply.mjs'), 'utf8').trimEnd().split('\n')
  assert.ok(lines.length <= 10, `${lines.length} lines`)
  const replied = inPlace('reply.mjs', 'runs/tiny', 'What is 3 + 4?')
  assert.equal(replied.status, 0, replied.stderr)
  assert.ok(replied.stdout.trimEnd().length > 0)
  assert.equal(inPlace('reply.mjs', 'runs/tiny', 'What is 3 + 4?').stdout, replied.stdout)

  const afterClose = `import { openModel } from 'strata-lm/inference'
    const model = await openModel('runs/tiny', { threads: 2 })
    model.close()
    model.close()
    try { [...model.complete('Once')] } catch (error) { process.stdout.write(error.message) }`
  writeFileSync(place.at('closed.mjs'), afterClose)
  const closed = spawnSync(process.execPath, ['closed.mjs'], { cwd: place.folder, encoding: 'utf8', timeout: 60_000 })
  assert.match(closed.stdout, /expected an open model, got one that was closed/, closed.stderr)

  const fromText = `import { openModel } from 'strata-lm/inference'
    const model = await openModel('runs/tiny', { threads: 2 })
    process.stdout.write(String([...model.complete('Once', { maxTokens: 3 })].length))
    model.close()`
  const opened = inPlace('--input-type=module', '-e', fromText)
  assert.equal(opened.stdout, '3', opened.stderr)

  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { exports: Record<string, unknown> }
  const subpaths = Object.keys(exports).filter((name) => name !== './package.json')
  const importAll = subpaths.map((name) => `await import('strata-lm/${name.slice(2)}')`).join(';')
  const imported = inPlace('--input-type=module', '-e', importAll)
  assert.equal(imported.status, 0, imported.stderr)

  const types = subpaths.map((name, i) => `import * as floor${i} from 'strata-lm/${name.slice(2)}'`)
  const program = `import { type GenerationOptions, type OpenModel, openModel, Sequence, UsageError } from 'strata-lm/inference'
    const model: OpenModel = await openModel('runs/tiny', { threads: 1 })
    const options: Partial<GenerationOptions> = { temperature: 0 }
    for (const { text } of model.reply([{ role: 'user', content: 'Hi' }], options, new Sequence(model.model))) text satisfies string
    // @ts-expect-error -- an option that does not exist
    model.complete('Once', { temprature: 0 })
    export { UsageError, ${subpaths.map((_, i) => `floor${i}`).join(', ')} }`
  writeFileSync(place.at('program.mts'), `${types.join('\n')}\n${program}\n`)
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const strict = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--lib', 'es2022']
  for (const [resolution, module] of [
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ]) {
    const typed = inPlace(tsc, ...strict, '--moduleResolution', resolution, '--module', module, 'program.mts')
    assert.equal(typed.stdout, '', resolution)
  }
})
