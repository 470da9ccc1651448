/** The body of a verifier's thread: loads the module, then answers one question at a time. Started by verifier-sandbox.ts. */
import { node } from '../base/platform.ts'
import type { Problem } from '../foundations/index.ts'
import { faulty, type GuardedVerdict, thrown, verdictOf } from './guard-verifier.ts'

/** What the thread is asked. */
export interface VerifierQuestion {
  readonly problem: Problem
  readonly reply: string
}

/** What the thread says: once whether the module could be loaded (null if so), then a verdict for each question. */
export type VerifierAnswer = { readonly loadFault: string | null } | { readonly verdict: GuardedVerdict }

const { parentPort, workerData } = node().workerThreads
const say = (answer: VerifierAnswer) => parentPort!.postMessage(answer)

try {
  const loaded = (await import((workerData as { moduleUrl: string }).moduleUrl)) as Record<string, unknown>
  const verify = loaded.verify ?? loaded.default
  if (typeof verify === 'function') {
    parentPort!.on('message', async ({ problem, reply }: VerifierQuestion) => {
      try {
        say({ verdict: verdictOf(await verify(problem, reply), reply) })
      } catch (error) {
        say({ verdict: faulty(thrown(error)) })
      }
    })
    say({ loadFault: null })
  } else say({ loadFault: `exports ${Object.keys(loaded).join(', ') || 'nothing'}` })
} catch (error) {
  say({ loadFault: thrown(error) })
}
