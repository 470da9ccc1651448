import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../base/errors.ts'
import { readUserDocuments } from './user-documents.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'strata-own-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Writes files below a folder of their own and returns its path. */
function tree(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = path.join(folder, name)
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
    writeFileSync(path.join(root, file), content)
  }
  return root
}

/** What is wrong with a file when it is named, and why it is skipped when it is found. */
async function faultOf(name: string, content: string | Uint8Array): Promise<string> {
  const root = tree(`fault-${name}`, { [name]: content })
  const error = await readUserDocuments([path.join(root, name)]).then(
    () => assert.fail(`${name} was read`),
    (cause: unknown) => cause,
  )
  assert.ok(error instanceof UsageError, `${error}`)
  const { documents, skipped } = await readUserDocuments([root])
  assert.equal(documents.length, 0)
  assert.deepEqual(
    skipped.map((skip) => skip.path),
    [path.join(root, name)],
  )
  return error.message
}

test('folders become domains, files at the top their kind; ids are paths', async () => {
  const root = tree('mixed', {
    'readme.md': '# Title',
    'guides/a.txt': 'A guide.',
    'guides/deep/b.md': 'Another.',
    'prose/c.txt': 'Named like a built-in domain.',
    'main.py': '# Copyright someone\nprint(1)',
    'rows.jsonl': '{"text":"one"}\n\n{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]}\n',
  })
  const { documents, skipped } = await readUserDocuments([root])
  assert.deepEqual(
    documents.map(({ domain, id, text }) => [domain, id, text]),
    [
      ['guides', 'guides/a.txt', 'A guide.'],
      ['guides', 'guides/deep/b.md', 'Another.'],
      ['own-code', 'main.py', 'print(1)'],
      ['own-prose', 'prose/c.txt', 'Named like a built-in domain.'],
      ['text', 'readme.md', '# Title'],
      ['text', 'rows.jsonl#1', 'one'],
      ['text', 'rows.jsonl#2', 'User: Hi\n\nAssistant: Hello'],
    ],
  )
  assert.deepEqual(skipped, [])
})

test('the same name in two folders gives two ids', async () => {
  const [a, b] = [tree('twin-a', { 'x.txt': 'one' }), tree('twin-b', { 'x.txt': 'two' })]
  const { documents } = await readUserDocuments([a, path.join(b, 'x.txt')])
  assert.deepEqual(
    documents.map(({ id }) => id),
    ['x.txt', 'x.txt~2'],
  )
})

test('what is not read is listed with its reason, and links lead nowhere', async () => {
  const root = tree('odd', { 'a.txt': 'Text.', '.git/config': 'x', 'node_modules/m/i.js': 'x', 'picture.png': 'x' })
  symlinkSync(root, path.join(root, 'loop'))
  symlinkSync('/etc/hostname', path.join(root, 'out.txt'))
  const { documents, skipped } = await readUserDocuments([root])
  assert.equal(documents.length, 1)
  assert.deepEqual(
    skipped.map(({ path: file, reason }) => [path.basename(file), reason.split(';')[0]]),
    [
      ['.git', 'hidden'],
      ['loop', 'a symbolic link'],
      ['node_modules', 'a folder of dependencies'],
      ['out.txt', 'a symbolic link'],
      ['picture.png', 'not a kind of file that is read'],
    ],
  )
})

test('text that cannot be used is an error when named and a skip when found', async () => {
  assert.match(await faultOf('latin1.txt', Uint8Array.of(0x61, 0xe9, 0x20)), /offset 1.*iconv -f latin1/)
  assert.match(await faultOf('utf16.txt', Uint8Array.of(0xff, 0xfe, 0x61, 0)), /UTF-16/)
  assert.match(await faultOf('binary.txt', Uint8Array.of(0x61, 0, 0x62)), /binary/)
  assert.match(await faultOf('empty.txt', ''), /expected text, got none/)
  assert.match(await faultOf('cut.txt', Uint8Array.of(0x61, 0xe2, 0x82)), /offset 1/)
  assert.match(await faultOf('bundle.js', `x=${'1+'.repeat(600)}1`), /1,000 characters/)
})

test('an invalid byte is found behind a piece’s border', async () => {
  const bytes = new Uint8Array(2 ** 20 + 10).fill(0x61)
  bytes.set([0xe2, 0x82, 0xac], 2 ** 20 - 1)
  const root = tree('border', { 'good.txt': bytes })
  assert.equal((await readUserDocuments([root])).documents.length, 2)
  bytes[2 ** 20 + 5] = 0xff
  assert.match(await faultOf('border.txt', bytes), new RegExp(`offset ${2 ** 20 + 5}`))
})

test('a long text becomes several documents, cut at paragraphs, nothing lost', async () => {
  const paragraphs = Array.from({ length: 40_000 }, (_, i) => `Paragraph ${i} with a few words in it, so that it is long enough.`)
  const root = tree('long', { 'book.txt': paragraphs.join('\n\n') })
  const { documents } = await readUserDocuments([root])
  assert.ok(documents.length > 2)
  assert.equal(documents.map(({ text }) => text).join('\n\n'), paragraphs.join('\n\n'))
})

test('JSON lines: faulty lines are all named; in a folder the good ones are kept', async () => {
  const lines = ['{"text":"good"}', '{"text":', '{"txt":"no"}', '{"messages":[]}']
  const root = tree('lines', { 'rows.jsonl': lines.join('\n') })
  await assert.rejects(readUserDocuments([path.join(root, 'rows.jsonl')]), /3 things are wrong[^]*line 2[^]*line 3[^]*line 4/)
  const { documents, skipped } = await readUserDocuments([root])
  assert.deepEqual(
    documents.map(({ text }) => text),
    ['good'],
  )
  assert.match(skipped[0].reason, /3 lines left out/)
  assert.match(await faultOf('many.jsonl', 'x\n'.repeat(50)), /and 40 more lines/)
})

test('JSON lines: any bytes give documents or a usage error', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.json().map((text) => new TextEncoder().encode(`{"text":${text}}\n`)),
      ),
      async (bytes) => {
        const root = tree('fuzz-lines', { 'rows.jsonl': bytes })
        await readUserDocuments([path.join(root, 'rows.jsonl')]).catch((error: unknown) =>
          assert.ok(error instanceof UsageError, `${error}`),
        )
      },
    ),
    { numRuns: 200 },
  )
})

test('paths that are not there, not readable or of another kind say so', async () => {
  await assert.rejects(readUserDocuments([path.join(folder, 'absent')]), /nothing there/)
  const root = tree('kinds', { 'a.png': 'x', 'b.txt': 'x' })
  await assert.rejects(readUserDocuments([path.join(root, 'a.png')]), /another kind/)
  if (process.getuid?.() !== 0) {
    chmodSync(path.join(root, 'b.txt'), 0)
    await assert.rejects(readUserDocuments([path.join(root, 'b.txt')]), /EACCES/)
  }
})
