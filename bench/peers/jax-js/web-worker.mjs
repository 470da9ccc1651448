/**
 * A browser's `Worker`, as much of it as jax-js uses, on Node's worker threads.
 *
 * jax-js starts its workers from a Blob URL with module source that talks through `self.onmessage` and `postMessage`,
 * and takes their number from `navigator.hardwareConcurrency`.
 */
import { Worker as NodeWorker } from 'node:worker_threads'

/** Runs in each worker before the Blob's source: the names that a browser's worker scope has. */
const prelude = `
import { parentPort } from 'node:worker_threads'
globalThis.self = globalThis
globalThis.postMessage = (message) => parentPort.postMessage(message)
parentPort.on('message', (data) => globalThis.onmessage({ data }))
`

/**
 * Puts `Worker` and the number of threads where jax-js looks for them. To be called before the library is loaded.
 *
 * @param {number} threads workers that jax-js is to start
 * @returns {() => void} ends all workers, so that the process can
 */
export function installWebWorker(threads) {
  const sources = new Map()
  const workers = []
  const createObjectURL = URL.createObjectURL.bind(URL)
  URL.createObjectURL = (blob) => {
    const url = createObjectURL(blob)
    sources.set(url, blob)
    return url
  }

  class Worker {
    onmessage = null
    onerror = null
    #started

    constructor(url) {
      this.#started = this.#start(sources.get(url))
    }

    async #start(blob) {
      const source = prelude + (await blob.text())
      const worker = new NodeWorker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
      workers.push(worker)
      worker.on('message', (data) => this.onmessage?.({ data }))
      worker.on('error', (error) => this.onerror?.({ message: error.message }))
      return worker
    }

    postMessage(message) {
      void this.#started.then((worker) => worker.postMessage(message))
    }
  }

  globalThis.Worker = Worker
  Object.defineProperty(globalThis, 'navigator', { value: { hardwareConcurrency: threads }, configurable: true })
  return () => {
    for (const worker of workers) void worker.terminate()
  }
}
