/**
 * Ctrl-C. Before training there is nothing to save: the process says so and ends. While a model is trained the first one asks the
 * loop to finish its step and save, a second one ends the process at once. Between two micro-batches the loop lets signals in.
 */
import type { Output } from '../output.ts'

/** A request to stop, and a way to stop listening for it. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal
  /** The exit status that belongs to the signal that came: 130 for SIGINT, 143 for SIGTERM. */
  readonly exitStatus: () => number
}

const exitStatusOf = { SIGINT: 130, SIGTERM: 143 } as const

type Handlers = Readonly<Record<keyof typeof exitStatusOf, () => void>>

function listen(handlers: Handlers): void {
  for (const [name, handler] of Object.entries(handlers)) process.on(name, handler)
}

function stopListening(handlers: Handlers): void {
  for (const [name, handler] of Object.entries(handlers)) process.removeListener(name, handler)
}

/**
 * Until it is disposed of, a signal ends the process with the signal's exit status. Work that blocks the event loop is finished first.
 */
export function endOnInterrupt(output: Output): Disposable {
  const end = (name: keyof typeof exitStatusOf) => () => {
    output.note('interrupted; type the same command to go on')
    process.exit(exitStatusOf[name])
  }
  const handlers = { SIGINT: end('SIGINT'), SIGTERM: end('SIGTERM') }
  listen(handlers)
  return { [Symbol.dispose]: () => stopListening(handlers) }
}

/** Listens. @param onAsked called at the first signal */
export function listenForInterrupt(onAsked: () => void): Interrupt {
  const abort = new AbortController()
  let status = 0
  const stop = () => stopListening(handlers)
  const ask = (name: keyof typeof exitStatusOf) => () => {
    // Without listeners a further signal does what it does to any process: it ends it, in the middle of whatever it does.
    stop()
    status = exitStatusOf[name]
    onAsked()
    abort.abort()
  }
  const handlers = { SIGINT: ask('SIGINT'), SIGTERM: ask('SIGTERM') }
  listen(handlers)
  return { signal: abort.signal, exitStatus: () => status, [Symbol.dispose]: stop }
}
