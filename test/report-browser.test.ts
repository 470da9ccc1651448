/**
 * The report in a real browser: what a reader sees, on a screen in light and dark, on a phone and on paper.
 *
 * Three runs are reported on: an invented one with events of every type, so that every figure of every chapter is drawn; the
 * same cut short; and the smallest one that the pipeline makes. Without a Chromium (Debian's `chromium`, or STRATA_CHROMIUM) the tests
 * are skipped and say so.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { findChromium } from '../scripts/browser/chromium.mjs'
import { formatHfConfig } from '../src/architecture/index.ts'
import { configAfter } from '../src/pretraining/index.ts'
import { readRunFacts, renderReport } from '../src/report/index.ts'
import { testRunDocument, writeTestRun } from '../src/report/test-run.ts'
import { Workplace } from './end-to-end-helpers.ts'
import { readPage } from './report-page.ts'

const program = findChromium()
const skip = program === null && 'no Chromium on this machine: apt-get install chromium, or set STRATA_CHROMIUM'
const folder = mkdtempSync(path.join(os.tmpdir(), 'strata-report-'))
const whole = path.join(folder, 'whole.html')
const cutShort = path.join(folder, 'cut-short.html')
const made = path.join(folder, 'made.html')
let browser: Browser | undefined

before(async () => {
  if (program === null) return
  writeReport(whole, (name) => writeTestRun(name))
  writeReport(cutShort, (name) => writeTestRun(name, ({ type }) => type.startsWith('data')))
  await makeRun()
  browser = await chromium.launch({ executablePath: pathOf(program.file), args: ['--no-sandbox'] })
})

after(async () => {
  await browser?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Runs the whole pipeline on the vendored text, as small as it gets. */
async function makeRun(): Promise<void> {
  using place = new Workplace()
  const small = ['training.tokens=4096', 'ablations.tokens=512', 'evaluation.itemsPerTask=4', 'evaluation.bytesPerDomain=500']
  const run = await place.run('run', 'tiny', '--threads', '1', '--quiet', ...small.flatMap((setting) => ['--set', setting]))
  assert.equal(run.status, 0, run.stderr)
  const report = await place.run('report', place.at('runs', 'tiny'), '--out', made)
  assert.equal(report.status, 0, report.stderr)
}

/** Full path of a command, which is what playwright wants. */
function pathOf(command: string): string {
  if (path.isAbsolute(command)) return command
  const candidates = (process.env['PATH'] ?? '').split(path.delimiter).map((place) => path.join(place, command))
  return candidates.find((file) => existsSync(file)) ?? command
}

function writeReport(file: string, write: (folder: string) => void): void {
  const run = path.join(folder, `run-${path.basename(file, '.html')}`)
  mkdirSync(path.join(run, 'model'), { recursive: true })
  write(run)
  if (file === whole) writeFileSync(path.join(run, 'model', 'config.json'), formatHfConfig(configAfter(testRunDocument().recipe, 'rl')))
  writeFileSync(file, renderReport(readRunFacts(run)))
}

/** Opens a report, collects what the browser complains about, and closes it when the test ends. */
async function open(
  context: TestContext,
  file: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser!.newPage(options)
  context.after(() => page.close())
  const complaints: string[] = []
  page.on('console', (message) => void complaints.push(message.text()))
  page.on('pageerror', (error) => void complaints.push(error.message))
  page.on('request', (request) => {
    if (request.url() !== pathToFileURL(file).href) complaints.push(`asked for ${request.url()}`)
  })
  await page.goto(pathToFileURL(file).href)
  return { page, complaints }
}

for (const [name, file] of [
  ['a whole run', whole],
  ['a run cut short', cutShort],
  ['a run of the pipeline', made],
] as const) {
  test(`${name}: no complaint, no request, no script; headings in order; links, figures and tables complete`, { skip }, async (context) => {
    const { page, complaints } = await open(context, file)
    const found = await page.evaluate(readPage)
    assert.deepEqual(complaints, [])
    assert.equal(found.scripts, 0)
    assert.equal(found.headings[0], 1)
    for (const [index, level] of found.headings.entries()) {
      const jump = level - (found.headings[index - 1] ?? 0)
      assert.ok(jump <= 1, `heading ${index} of level ${level} follows one of level ${found.headings[index - 1]}`)
    }
    assert.equal(found.headings.filter((level) => level === 1).length, 1)
    assert.deepEqual(found.repeatedIds, [])
    assert.deepEqual(found.brokenLinks, [])
    assert.deepEqual(found.figuresWithoutText, [])
    assert.deepEqual(found.marks, [])
    if (file !== cutShort) assert.ok(found.figures >= 8, `${found.figures} figures`)
  })
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`all text has a contrast of 4.5 or more in ${colorScheme}`, { skip }, async (context) => {
    const { page } = await open(context, whole, { colorScheme })
    for (const width of [1300, 360]) {
      await page.setViewportSize({ width, height: 900 })
      const { faint, texts } = await page.evaluate(readPage)
      assert.ok(texts > 500, `${texts} texts were looked at`)
      assert.deepEqual(faint, [])
    }
  })
}

test('nothing overflows on a phone, on a screen and on paper', { skip }, async (context) => {
  const { page } = await open(context, whole)
  for (const [width, media, file] of [
    [360, 'screen', whole],
    [390, 'screen', whole],
    [700, 'screen', whole],
    [1300, 'screen', whole],
    // A4 less its margins, at 96 pixels an inch.
    [612, 'print', whole],
    [612, 'print', made],
    [360, 'screen', made],
  ] as const) {
    if (page.url() !== pathToFileURL(file).href) await page.goto(pathToFileURL(file).href)
    await page.setViewportSize({ width, height: 900 })
    await page.emulateMedia({ media })
    const { pageWidth, overflowing, cut, cutFormulas, smallText } = await page.evaluate(readPage)
    assert.ok(pageWidth <= width, `the page is ${pageWidth} wide at ${width} (${media})`)
    assert.deepEqual(overflowing, [], `at ${width} (${media})`)
    assert.deepEqual(cutFormulas, [], `at ${width} (${media})`)
    if (width > 600) assert.deepEqual(cut, [], `at ${width} (${media})`)
    if (media === 'screen') assert.deepEqual(smallText, [], `at ${width}`)
  }
})

/** Height of A4 less its margins, at 96 pixels an inch. */
const printedHeight = ((297 - 22 - 24) / 25.4) * 96

test('it can be printed: a PDF of A4 pages, none without need half empty', { skip }, async (context) => {
  const { page } = await open(context, whole, { colorScheme: 'dark' })
  const pdf = await page.pdf({ preferCSSPageSize: true })
  const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g) ?? []
  assert.ok(pages.length >= 10, `${pages.length} pages`)
  assert.match(pdf.toString('latin1'), /\/MediaBox\s*\[0 0 59[45]\.\d+ 84[12]\.\d+\]/)
  // What the text would take without its breaks into pages, at the width of A4 less its margins.
  await page.setViewportSize({ width: 612, height: 900 })
  await page.emulateMedia({ media: 'print' })
  const fewest = (await page.evaluate(() => document.documentElement.scrollHeight)) / printedHeight
  assert.ok(pages.length <= 1.1 * fewest + 1, `${pages.length} pages for the text of ${fewest.toFixed(1)}: too many are half empty`)
  const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  assert.equal(paper, 'rgb(255, 255, 255)')
})
