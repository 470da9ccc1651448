import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../../base/errors.ts'
import type { DataFile } from '../document.ts'
import { decodeUtf8, firstInvalidByte } from './decode.ts'
import { extractDiagnostics } from './diagnostics.ts'
import { extractFactbook } from './factbook.ts'
import { extractHtml, htmlText } from './html.ts'
import { extractMarkdown } from './markdown.ts'
import { extractProse } from './prose.ts'
import { extractSnippets } from './snippets.ts'
import { extractSourceCode } from './source-code.ts'
import { extractWordnet } from './wordnet.ts'

const file = (path: string, text: string): DataFile => ({ path, bytes: new TextEncoder().encode(text) })

test('prose: one file is one document, empty files are none', () => {
  assert.deepEqual(extractProse([file('data/chapter_1.txt', 'Call me Ishmael.\r\n'), file('data/empty.txt', ' \n')]), [
    { id: 'chapter_1', text: 'Call me Ishmael.' },
  ])
})

test('wordnet: lemmas, part of speech and gloss; the licence and pointers are left out', () => {
  const noun = [
    '  1 This software and database is being provided to you | x  ',
    '02137 03 n 02 abstraction 0 abstract_entity 0 001 @ 00001740 n 0000 | a general concept; "love is one"  ',
    '00001 00 s 01 galore(ip) 0 000 | in great numbers',
  ].join('\n')
  assert.deepEqual(extractWordnet([file('dict/data.noun', noun)]), [
    {
      id: 'noun-02137 03',
      text: 'abstraction, abstract entity (noun): a general concept; "love is one"\ngalore (adjective): in great numbers',
    },
  ])
})

test('wordnet: long files are cut into pages', () => {
  const lines = Array.from({ length: 50 }, (_, i) => `${String(i).padStart(8, '0')} 03 n 01 word${i} 0 000 | gloss ${i}`)
  const pages = extractWordnet([file('dict/data.noun', lines.join('\n'))])
  assert.deepEqual(
    pages.map(({ id, text }) => [id, text.split('\n').length]),
    [
      ['noun-00000000', 24],
      ['noun-00000024', 24],
      ['noun-00000048', 2],
    ],
  )
})

test('factbook: name, sections, nested fields, nothing for empty ones', () => {
  const country = {
    Geography: {
      Location: { text: 'Western Europe' },
      Area: { total: { text: '643,801 sq km' }, note: { text: 'with regions' } },
      Map: { text: null },
    },
    Government: {
      'Country name': { 'conventional long form': { text: 'French Republic' }, 'conventional short form': { text: 'France' } },
    },
    Issues: {},
  }
  const [document] = extractFactbook([file('europe/fr.json', JSON.stringify(country))])
  assert.equal(document.id, 'europe/fr')
  assert.equal(
    document.text,
    'France\n\nGeography\nLocation: Western Europe\nArea, total: 643,801 sq km\nArea, note: with regions\n\n' +
      'Government\nCountry name, conventional long form: French Republic\nCountry name, conventional short form: France',
  )
  assert.throws(() => extractFactbook([file('a/b.json', '[1]')]), UsageError)
  assert.throws(() => extractFactbook([file('a/b.json', '{"a":')]), UsageError)
})

test('source code: licence headers, generated files and shells go', () => {
  const body = 'export function add(a, b) {\n  return a + b\n}\n// a sum of two numbers, nothing more and nothing less\n'
  const documents = extractSourceCode([
    file('a.js', `/* MIT License */\n${body}`),
    file('min.js', `const a=${'1+'.repeat(600)}1`),
    file('shell.js', "export * from './a.js'"),
  ])
  assert.deepEqual(documents, [{ id: 'a.js', text: body.trimEnd() }])
})

test('snippets: description as comment, code, calls', () => {
  const source = JSON.stringify([
    {
      id: 'isOdd',
      description: 'Tells odd numbers.\n\n- Uses `%`.',
      code: 'const isOdd = n => n % 2 === 1',
      example: 'isOdd(3); // true',
      tags: [],
    },
  ])
  assert.deepEqual(extractSnippets([file('snippets.json', source)]), [
    { id: 'isOdd', text: '// Tells odd numbers.\n//\n// - Uses `%`.\n\nconst isOdd = n => n % 2 === 1\n\nisOdd(3); // true' },
  ])
  assert.throws(() => extractSnippets([file('snippets.json', '{}')]), UsageError)
})

test('markdown: the front matter becomes a heading where there is none', () => {
  const page = "---\ntitle: 'Saving state'\n---\n\nimport { Card } from '@/card'\n\nText.\n"
  assert.deepEqual(extractMarkdown([file('a.mdx', page), file('b.mdx', '---\ntitle: x\n---\n# Own\n')]), [
    { id: 'a.mdx', text: '# Saving state\n\nText.' },
    { id: 'b.mdx', text: '# Own' },
  ])
})

test('html: text of headings and paragraphs, entities decoded, scripts left out', () => {
  const page =
    '<html><head><title>no</title></head><body><h1>Rights &amp; duties</h1><script>x</script>\n<p>All  are\n born &#x66;ree &lt;here&gt; &#0; &bogus;</p></body></html>'
  assert.equal(htmlText(page), 'Rights & duties\nAll are born free <here> &#0; &bogus;')
})

test('html: pages end with the paragraph that fills them', () => {
  const page = `<body><p>${'a'.repeat(50)}</p><p>${'b'.repeat(50)}</p><p>c</p></body>`
  assert.deepEqual(extractHtml([file('declaration/eng.html', page)], 60), [{ id: 'eng', text: `${'a'.repeat(50)}\n${'b'.repeat(50)}` }])
})

test('diagnostics: a message in all its languages is one document', () => {
  const compiler =
    'X: diag(1002, 1 /* Error */, "Unterminated_1002", "Unterminated \\"{0}\\"."),\n Y: diag(1003, 1 /* Error */, "Only_1003", "Only English."),'
  const files = [
    file('lib/typescript.js', compiler),
    file('lib/de/diagnosticMessages.generated.json', '{"Unterminated_1002":"Nicht beendet."}'),
    file('lib/ja/diagnosticMessages.generated.json', '{"Unterminated_1002":"終端なし。"}'),
  ]
  assert.deepEqual(extractDiagnostics(files), [
    { id: 'Unterminated_1002', text: 'English: Unterminated "{0}".\nDeutsch: Nicht beendet.\n日本語: 終端なし。' },
  ])
  assert.throws(() => extractDiagnostics(files.slice(1)), UsageError)
})

test('UTF-8 is told from everything else, with the position of the first fault', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      let isValid = true
      try {
        new TextDecoder('utf-8', { fatal: true }).decode(bytes)
      } catch {
        isValid = false
      }
      assert.equal(firstInvalidByte(bytes) === bytes.length, isValid)
    }),
    { numRuns: 2000 },
  )
  assert.throws(() => decodeUtf8(Uint8Array.of(0x61, 0xe9, 0x62), 'a.txt'), /a\.txt: expected UTF-8, got invalid bytes at offset 1.*latin1/)
  assert.throws(() => decodeUtf8(Uint8Array.of(0xff, 0xfe, 0x61, 0x00), 'a.txt'), /UTF-16/)
})
