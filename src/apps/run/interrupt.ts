/**
 * Ctrl-C while a model is trained: the first one asks the loop to finish its step and save, a second one ends the process at
 * once. Between two micro-batches the loop lets signals in.
 */

/** A request to stop, and a way to stop listening for it. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal
  /** The exit status that belongs to the signal that came: 130 for SIGINT, 143 for SIGTERM. */
  readonly exitStatus: () => number
}

const exitStatusOf = { SIGINT: 130, SIGTERM: 143 } as const

/** Listens. @param onAsked called at the first signal */
export function listenForInterrupt(onAsked: () => void): Interrupt {
  const abort = new AbortController()
  let status = 0
  const stop = () => {
    for (const name of Object.keys(handlers)) process.removeListener(name, handlers[name as keyof typeof handlers])
  }
  const ask = (name: keyof typeof exitStatusOf) => () => {
    // Without listeners a further signal does what it does to any process: it ends it, in the middle of whatever it does.
    stop()
    status = exitStatusOf[name]
    onAsked()
    abort.abort()
  }
  const handlers = { SIGINT: ask('SIGINT'), SIGTERM: ask('SIGTERM') }
  for (const [name, handler] of Object.entries(handlers)) process.on(name, handler)
  return { signal: abort.signal, exitStatus: () => status, [Symbol.dispose]: stop }
}
