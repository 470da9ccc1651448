/**
 * `npm run browser`: everything below apps in a real browser tab. Builds the package, does the same work in Node and in a
 * headless Chromium (work.mjs), and compares every loss, gradient norm, weight and token bit for bit.
 *
 *     node scripts/browser/check.mjs [--screenshot page.png] [--json]
 *
 * Exit status 0 when every promise holds, and when there is no Chromium to ask, which is said; 1 otherwise, 2 for a wrong flag.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { root, setup } from '../setup.mjs'
import { findChromium, startChromium } from './chromium.mjs'
import { serve } from './serve.mjs'

const limitSeconds = 180
const say = (line) => process.stderr.write(`browser: ${line}\n`)

function readOptions() {
  try {
    return parseArgs({ options: { screenshot: { type: 'string' }, json: { type: 'boolean', default: false } } }).values
  } catch (error) {
    say(error.message)
    return process.exit(2)
  }
}

/** Runs a script of the project, and hands on what it wrote to standard output. */
function runScript(node, ...args) {
  const { status, stdout, error } = spawnSync(node, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`${path.relative(root, args[0])} failed (${error?.message ?? `status ${status}`}).\n${stdout ?? ''}`)
  return stdout
}

/** Rejects after `limitSeconds`; the tab's main thread may be stuck, so nobody else would notice. */
function withinLimit(work) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the page was not done after ${limitSeconds} s`)), limitSeconds * 1000)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

async function evaluate(browser, expression) {
  const { result, exceptionDetails } = await browser.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
  return result.value
}

/** Opens the page, and waits for its outcome. */
async function askTab(browser, origin) {
  const complaints = []
  const loaded = new Promise((resolve) => {
    browser.onEvent((method, params) => {
      if (method === 'Page.loadEventFired') resolve()
      if (method === 'Runtime.exceptionThrown')
        complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text)
      if (method === 'Log.entryAdded' && params.entry.level === 'error') complaints.push(`${params.entry.text} ${params.entry.url ?? ''}`)
    })
  })
  for (const domain of ['Page', 'Runtime', 'Log']) await browser.send(`${domain}.enable`)
  await browser.send('Page.navigate', { url: `${origin}/scripts/browser/page.html` })
  await loaded
  try {
    // A module that cannot be loaded leaves no promise behind; what the page complained about says why.
    return await evaluate(browser, `globalThis.outcome ?? Promise.reject(new Error('the page’s script did not run'))`)
  } catch (error) {
    throw new Error([error.message, ...complaints].join('\n'), { cause: error })
  }
}

/** The whole page, however long, as PNG. */
async function takeScreenshot(browser, file) {
  const { data } = await browser.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true })
  writeFileSync(file, Buffer.from(data, 'base64'))
  say(`screenshot in ${file}`)
}

function print(rows, { runs }) {
  const width = Math.max(...rows.map(({ promise }) => promise.length))
  const lines = rows.map(({ promise, holds, detail }) => `${holds ? 'holds' : 'FAILS'}  ${promise.padEnd(width)}  ${detail}`)
  const losses = Object.values(runs)[0].steps.map((_, index) =>
    [String(index + 1).padStart(4), ...Object.values(runs).map(({ steps }) => String(steps[index]?.lossNats).padStart(20))].join('  '),
  )
  const heading = ['step', ...Object.keys(runs).map((dialect) => `loss, ${dialect}`.padStart(20))].join('  ')
  process.stdout.write(`${[...lines, '', heading, ...losses].join('\n')}\n`)
}

async function main() {
  const options = readOptions()
  const chromium = findChromium()
  if (!chromium) {
    say('skipped: there is no Chromium on this machine. Install one, or name it in STRATA_CHROMIUM.')
    return
  }
  const node = setup()
  say('building the package')
  runScript(node, path.join(root, 'scripts', 'run.mjs'), 'build')
  say('the work in Node')
  const inNode = runScript(node, path.join(root, 'scripts', 'browser', 'in-node.mjs'))

  say(`the work in ${chromium.version}`)
  const server = await serve(root, { 'node.json': inNode })
  try {
    const browser = await startChromium(chromium.file)
    try {
      const { inTab, rows } = await withinLimit(askTab(browser, server.origin))
      if (options.screenshot) await takeScreenshot(browser, path.resolve(options.screenshot))
      if (options.json) process.stdout.write(`${JSON.stringify({ browser: chromium.version, rows, inNode: JSON.parse(inNode), inTab })}\n`)
      else print(rows, inTab)
      if (!rows.every(({ holds }) => holds)) process.exitCode = 1
    } finally {
      await browser.close()
    }
  } finally {
    server.close()
  }
}

main().catch((error) => {
  say(error.message)
  process.exitCode = 1
})
