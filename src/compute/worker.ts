/** The body of a pool thread: joins the shared memory, then serves commands inside WebAssembly until the pool closes. */
import { isNode, node } from '../base/platform.ts'
import { instantiate } from './kernels.ts'

interface Start {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly thread: number
}

function begin({ module, memory, thread }: Start, ready: () => void) {
  const kernels = instantiate(module, memory)
  kernels.enter(thread, 1)
  ready()
  kernels.serve()
}

if (isNode) {
  const { parentPort, workerData } = node().workerThreads
  begin(workerData as Start, () => parentPort!.postMessage('ready'))
} else {
  globalThis.addEventListener('message', (event: MessageEvent<Start>) => begin(event.data, () => globalThis.postMessage('ready')), {
    once: true,
  })
}
