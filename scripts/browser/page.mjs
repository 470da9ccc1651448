/**
 * The page: does the work in this tab, shows it beside what Node got (served as node.json), and leaves the result in
 * `globalThis.outcome`, a promise that check.mjs waits for.
 */
import { verdict } from './verdict.mjs'
import { dialects, work } from './work.mjs'

const status = document.querySelector('#status')
const main = document.querySelector('main')

/** Shows a line and lets the tab paint it before the main thread is busy. */
async function say(line) {
  status.textContent = `${line[0].toUpperCase()}${line.slice(1)} …`
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
}

function element(name, text, className = '') {
  const made = document.createElement(name)
  made.textContent = text
  if (className) made.className = className
  return made
}

/** @param columns a heading each, and whether it holds numbers  @param rows a text for each cell, or [text, class] */
function table(columns, rows) {
  const made = document.createElement('table')
  const head = made.createTHead().insertRow()
  for (const [title, isNumber] of columns) head.append(element('th', title, isNumber ? 'number' : ''))
  const body = made.createTBody()
  for (const cells of rows) {
    const line = body.insertRow()
    for (const [i, cell] of cells.entries()) {
      const [text, className] = Array.isArray(cell) ? cell : [cell, columns[i][1] ? 'number' : '']
      line.append(element('td', text, className))
    }
  }
  return made
}

function show(inTab, rows) {
  const promises = rows.map(({ promise, holds, detail }) => [[promise, 'name'], holds ? 'holds' : ['fails', 'fails'], detail])
  main.append(table([['Promise'], [''], ['Measured here']], promises))

  main.append(element('h2', 'Training loss, nats a token'))
  const losses = inTab.runs.plain.steps.map((_, index) => [
    `${index + 1}`,
    ...dialects.map((dialect) => String(inTab.runs[dialect].steps[index]?.lossNats ?? '')),
  ])
  main.append(table([['Step', true], ...dialects.map((dialect) => [dialect, true])], losses))

  const { prompt, text } = inTab.runs.relaxed.continuation
  main.append(element('h2', 'What the model says after twenty steps'), element('blockquote', `${prompt}${text}`))
}

async function readText(path) {
  const response = await fetch(`/${path}`)
  if (!response.ok) throw new Error(`${path}: expected a file, got HTTP status ${response.status}.`)
  return response.text()
}

async function run() {
  const inNode = JSON.parse(await readText('node.json'))
  const inTab = await work({ dist: '/dist/', floorNames: Object.keys(inNode.floors), readText, say })
  const rows = verdict(inNode, inTab)
  show(inTab, rows)
  const failed = rows.filter(({ holds }) => !holds).length
  status.textContent = failed === 0 ? `All ${rows.length} promises hold.` : `${failed} of ${rows.length} promises do not hold.`
  return { inTab, rows }
}

globalThis.outcome = run().catch((error) => {
  status.textContent = `${error}`
  status.className = 'fails'
  throw error
})
