/** What is exported is documented, what is linked exists, and nothing is left for later in a comment. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { projectFiles, root, shippedFiles } from './source-files.ts'

const exportedFunction =
  /^export (?:async )?function\*? (\w+)|^export (?:abstract )?class (\w+)|^export const (\w+)(?:: [^=]+)? = (?:async )?(?:<[^>]+>)?\(/

/** Exported functions and classes whose preceding line does not end a JSDoc comment. */
function undocumented(text: string): string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, index) => {
    const match = exportedFunction.exec(line)
    const name = match?.[1] ?? match?.[2] ?? match?.[3]
    if (!name) return []
    // Lint directives and further overloads may stand between a comment and its function.
    let above = index - 1
    while (/^\/\/ oxlint|^export (?:async )?function [^{]*$/.test(lines[above] ?? '')) above--
    return lines[above]?.trimEnd().endsWith('*/') ? [] : [name]
  })
}

/** Addresses of links in Markdown, code blocks left out. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[^]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
  const inline = Array.from(prose.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g), ([, address]) => address)
  const defined = Array.from(prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm), ([, address]) => address)
  return [...inline, ...defined]
}

/** Headings as the anchors that they become on the usual forges. */
const anchorsOf = (text: string) =>
  Array.from(text.matchAll(/^#+\s+(.+)$/gm), ([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  )

/** What is wrong with a link, or nothing. Only links inside the project are looked at: tests need no network. */
function brokenLink(file: string, text: string, address: string): string[] {
  if (/^[a-z]+:/.test(address)) return []
  const [target = '', anchor] = decodeURI(address).split('#') as [string, string?]
  const full = path.join(root, target.startsWith('/') ? '' : path.dirname(file), target)
  if (target !== '' && !existsSync(full)) return [`${file}: ${address} does not exist`]
  if (anchor === undefined || (target !== '' && !target.endsWith('.md'))) return []
  const headings = anchorsOf(target === '' ? text : readFileSync(full, 'utf8'))
  return headings.includes(anchor) ? [] : [`${file}: ${address} has no such heading`]
}

test('every exported function and class says what it is', () => {
  const silent = shippedFiles().flatMap(({ name, text }) => undocumented(text).map((exported) => `${name}: ${exported}`))
  assert.deepEqual(silent, [])
})

test('every source file starts by saying what it is', () => {
  const silent = shippedFiles().filter(({ text }) => !/^(?:#!.*\n)?\/\*\*/.test(text))
  assert.deepEqual(
    silent.map(({ name }) => name),
    [],
  )
})

test('every link in Markdown leads somewhere', () => {
  const broken = projectFiles('', /\.md$/).flatMap(({ name, text }) => linksOf(text).flatMap((address) => brokenLink(name, text, address)))
  assert.deepEqual(broken, [])
})

test('every file of the project that Markdown names in code type exists', () => {
  const named = /`((?:src|test|docs|recipes|bench|scripts|kernels|vendor)\/[\w./-]+\.(?:ts|mjs|js|py|md|txt|json))`/g
  const absent = projectFiles('', /\.md$/).flatMap(({ name, text }) =>
    Array.from(text.matchAll(named), ([, file]) => file)
      .filter((file) => !existsSync(path.join(root, file)))
      .map((file) => `${name}: ${file}`),
  )
  assert.deepEqual(absent, [])
})

test('nothing is left for later in a comment', () => {
  const marks = new RegExp(`\\b(?:${['TO', 'FIX', 'XX'].map((start, index) => start + ['DO', 'ME', 'X'][index]).join('|')})\\b`)
  const folders = ['src', 'test', 'recipes', 'bench', 'kernels', 'scripts', 'docs']
  const files = folders.flatMap((folder) => (existsSync(path.join(root, folder)) ? projectFiles(folder, /\.(?:ts|mjs|js|py|md)$/) : []))
  assert.deepEqual(
    files.filter(({ text }) => marks.test(text)).map(({ name }) => name),
    [],
  )
})

test('the rules catch what they should', () => {
  assert.deepEqual(
    undocumented('export function a() {}\n/** b */\nexport function b() {}\nexport const c = (x: number) => x\nexport class D {}'),
    ['a', 'c', 'D'],
  )
  assert.deepEqual(undocumented('/** a */\nexport const a = <T>(x: T) => x\nexport const limit = 3\nexport const list = [1]'), [])
  assert.deepEqual(linksOf('[a](b.md) ![c](d.png "title")\n```\n[no](x)\n```\n`[no](y)`\n[e]: f.md'), ['b.md', 'd.png', 'f.md'])
  const text = '# Two words, and `code`\n'
  assert.deepEqual(brokenLink('README.md', text, '#two-words-and-code'), [])
  assert.equal(brokenLink('README.md', text, '#three').length, 1)
  assert.equal(brokenLink('README.md', text, 'nowhere.md').length, 1)
  assert.deepEqual(brokenLink('docs/a.md', text, '../package.json'), [])
})
