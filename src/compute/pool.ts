/** Starts the pool's threads: Node's workers or the browser's, the same file in both. */
import { isNode } from '../base/platform.ts'
import { startWorker } from '../base/start-worker.ts'
import type { SharedMemory } from './heap.ts'
import type { KernelModule } from './kernels.ts'

export interface PoolThread {
  terminate(): void
}

const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/**
 * Starts one thread and waits until it serves commands.
 *
 * @param thread its number, from 1 (the main thread is 0)
 */
export function startThread(module: KernelModule, memory: SharedMemory, thread: number): Promise<PoolThread> {
  const start = { module, memory, thread }
  return new Promise((resolve, reject) => {
    if (isNode) {
      const worker = startWorker(file, { workerData: start })
      worker.once('message', () => resolve({ terminate: () => void worker.terminate() }))
      worker.once('error', reject)
      // Once it serves, it must not keep the process alive.
      worker.once('message', () => worker.unref())
      return
    }
    const worker = new Worker(file, { type: 'module' })
    worker.addEventListener('message', () => resolve({ terminate: () => worker.terminate() }), { once: true })
    worker.addEventListener('error', (event) => reject(new Error(event.message)), { once: true })
    worker.postMessage(start)
  })
}
