/**
 * A server for one page on the loopback interface: the parts of the package that the page needs, with the two headers
 * without which a tab has no shared memory.
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import path from 'node:path'

const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
const packages = ['zod/', '@huggingface/jinja/dist/', 'd3-', 'internmap/', 'katex/dist/']
const served = ['dist/', ...packages.map((name) => `node_modules/${name}`), 'scripts/browser/', 'vendor/corpus/']
const typeOfEnding = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
}

/**
 * Starts serving on a free port.
 *
 * @param root      folder of the clone
 * @param documents texts that are no files, by path
 * @returns the address and what ends it
 */
export async function serve(root, documents) {
  const server = createServer(async ({ url }, response) => {
    // Dots in a path are resolved by URL, so what is left stays below the root.
    const name = decodeURIComponent(new URL(url, 'http://localhost').pathname).slice(1)
    const isServed = served.some((folder) => name.startsWith(folder)) && !name.split(/[/\\]/).includes('..')
    const body = documents[name] ?? (isServed ? await readFile(path.join(root, name)).catch(() => null) : null)
    const type = typeOfEnding[path.extname(name)] ?? 'text/plain; charset=utf-8'
    response.writeHead(body === null ? 404 : 200, { ...isolation, 'Content-Type': type, 'Cache-Control': 'no-store' })
    response.end(body ?? 'not here')
  })
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { origin: `http://127.0.0.1:${server.address().port}`, close }
}
