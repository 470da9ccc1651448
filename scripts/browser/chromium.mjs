/**
 * A headless Chromium, driven through its own debugging protocol over a pipe: no port, no dependency.
 * Protocol: https://chromedevtools.github.io/devtools-protocol. A message is JSON that ends in a zero byte.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const commands = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const macPaths = ['Google Chrome', 'Chromium'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`)

/** → path of a Chromium on this machine and the line that it says about itself, or null. `STRATA_CHROMIUM` names another. */
export function findChromium() {
  const asked = process.env.STRATA_CHROMIUM
  const candidates = asked ? [asked] : [...commands, ...macPaths.filter((file) => existsSync(file))]
  for (const file of candidates) {
    const { status, stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' })
    if (status === 0) return { file, version: stdout.trim() }
  }
  if (asked) throw new Error(`STRATA_CHROMIUM: expected a program that answers to --version, got ${asked}.`)
  return null
}

const flags = [
  '--headless',
  '--remote-debugging-pipe',
  // Only pages of our own are opened, and a container often has no user namespaces for the sandbox.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--window-size=1000,900',
]

/**
 * Starts a browser with a new profile and one empty page.
 *
 * @param file path of the program
 * @returns `send` for commands to the page, `onEvent` for what it reports, `close`
 */
export async function startChromium(file) {
  const profile = mkdtempSync(path.join(os.tmpdir(), 'strata-chromium-'))
  const child = spawn(file, [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  })
  const [, , , toBrowser, fromBrowser] = child.stdio
  const waiting = new Map()
  const listeners = []
  let lastId = 0
  let rest = ''
  let isOver = false

  const fail = (reason) => {
    isOver = true
    for (const { reject } of waiting.values()) reject(new Error(reason))
    waiting.clear()
  }
  child.once('error', (error) => fail(`the browser did not start: ${error.message}`))
  child.once('exit', (status, signal) => fail(`the browser ended early (${signal ?? `status ${status}`})`))
  toBrowser.on('error', () => fail('the browser does not listen any more'))
  fromBrowser.setEncoding('utf8')
  fromBrowser.on('data', (text) => {
    const messages = (rest + text).split('\0')
    rest = messages.pop()
    for (const { id, error, result, method, params } of messages.map((message) => JSON.parse(message))) {
      if (id === undefined) for (const listener of listeners) listener(method, params)
      else if (error) waiting.get(id)?.reject(new Error(error.message))
      else waiting.get(id)?.resolve(result)
      waiting.delete(id)
    }
  })

  const command = (method, params = {}, sessionId = undefined) =>
    new Promise((resolve, reject) => {
      if (isOver) {
        reject(new Error('the browser has ended'))
        return
      }
      const id = ++lastId
      waiting.set(id, { resolve, reject })
      toBrowser.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    })

  const close = async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    if (!isOver) {
      await command('Browser.close').catch(() => child.kill())
      await gone
    }
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }

  try {
    const { targetInfos } = await command('Target.getTargets')
    const { targetId } = targetInfos.find(({ type }) => type === 'page')
    const { sessionId } = await command('Target.attachToTarget', { targetId, flatten: true })
    return { send: (method, params) => command(method, params, sessionId), onEvent: (listener) => listeners.push(listener), close }
  } catch (error) {
    await close()
    throw error
  }
}
