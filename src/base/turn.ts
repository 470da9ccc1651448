/** Lets the event loop turn once: signals, timers. Awaited between two pieces of work that block it. */
export const turn = (): Promise<void> => new Promise((resolve) => (globalThis.setImmediate ?? globalThis.setTimeout)(resolve))
