/**
 * Someone's own verifier in a thread of its own, with a time limit: what never ends is cut, and counts as wrong.
 *
 * The module of a recipe exports `verify(problem, reply)`, which may be asynchronous. A thread is a bound and no wall: a
 * module may still read files. It runs with the rights of whoever runs the recipe, as the recipe does.
 */
import { usageError } from '../base/errors.ts'
import { node } from '../base/platform.ts'
import { type NodeWorker, startWorker } from '../base/start-worker.ts'
import type { Problem } from '../foundations/index.ts'
import { faulty, type GuardedVerdict } from './guard-verifier.ts'
import type { VerifierAnswer, VerifierQuestion } from './verifier-worker.ts'

export interface SandboxOptions {
  /** For one verdict. */
  readonly limitSeconds?: number
  /** For loading the module, once a thread. */
  readonly loadLimitSeconds?: number
  /** Of the thread's JavaScript heap, in MiB. */
  readonly heapMebibytes?: number
}

const defaultLimits = { limitSeconds: 1, loadLimitSeconds: 20, heapMebibytes: 256 }

const workerFile = new URL(import.meta.url.endsWith('.ts') ? './verifier-worker.ts' : './verifier-worker.js', import.meta.url)

/** What a thread said, or why it said nothing. */
type Outcome = { readonly answer: VerifierAnswer } | { readonly fault: string }

/** A verifier behind a guard. Questions are answered in the order in which they are asked. */
export class VerifierSandbox {
  readonly #moduleUrl: string
  readonly #limits: Required<SandboxOptions>
  #worker: NodeWorker | null = null
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(moduleUrl: string, limits: Required<SandboxOptions>) {
    this.#moduleUrl = moduleUrl
    this.#limits = limits
  }

  /**
   * Loads a verifier.
   *
   * @param modulePath JavaScript or TypeScript that exports `verify(problem, reply)`, by that name or as the default
   * @throws UsageError when it cannot be loaded, exports no such function, or is not loaded in time
   */
  static async open(modulePath: string, options: SandboxOptions = {}): Promise<VerifierSandbox> {
    const { fs, path, url } = node()
    const full = path.resolve(modulePath)
    if (!fs.existsSync(full)) throw usageError(modulePath, 'a module with a verifier', 'nothing there', 'Check the path.')
    const sandbox = new VerifierSandbox(url.pathToFileURL(full).href, { ...defaultLimits, ...options })
    const fault = await sandbox.#start()
    if (fault === null) return sandbox
    await sandbox.close()
    throw usageError(modulePath, 'a module that exports verify(problem, reply)', `one that ${fault}`, 'Mend the module.')
  }

  /** The verdict on a reply; never rejects. A thread that was cut is started again for the next question. */
  verify(problem: Problem, reply: string): Promise<GuardedVerdict> {
    const verdict = this.#turn.then(async () => {
      const fault = this.#worker === null ? await this.#start() : null
      return fault === null ? this.#ask({ problem, reply }) : faulty(fault)
    })
    this.#turn = verdict
    return verdict
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#worker?.terminate()
    this.#worker = null
  }

  /** Starts a thread and waits for the module. @returns why there is none, or null */
  async #start(): Promise<string | null> {
    const worker = startWorker(workerFile, {
      workerData: { moduleUrl: this.#moduleUrl },
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMebibytes },
      // What a module prints would end up among the command's own output.
      stdout: true,
      stderr: true,
    })
    worker.stdout.resume()
    worker.stderr.resume()
    worker.unref()
    // An error after the fact must not end the process; a thread that ended by itself is started again.
    worker.on('error', () => {})
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = null
    })
    this.#worker = worker
    const outcome = await this.#hear(worker, this.#limits.loadLimitSeconds, () => {})
    const fault = 'fault' in outcome ? outcome.fault : 'loadFault' in outcome.answer ? outcome.answer.loadFault : 'answered unasked'
    if (fault !== null) await this.close()
    return fault
  }

  async #ask(question: VerifierQuestion): Promise<GuardedVerdict> {
    const worker = this.#worker!
    const outcome = await this.#hear(worker, this.#limits.limitSeconds, () => worker.postMessage(question))
    if ('answer' in outcome && 'verdict' in outcome.answer) return outcome.answer.verdict
    await this.close()
    return faulty('fault' in outcome ? outcome.fault : 'answered unasked')
  }

  /** The next thing that a thread says after `ask`, or that it said nothing in time, failed, or ended. */
  #hear(worker: NodeWorker, limitSeconds: number, ask: () => void): Promise<Outcome> {
    return new Promise((resolve) => {
      // The timer keeps the process alive; the thread does not.
      const timer = setTimeout(() => settle({ fault: `did not end within ${limitSeconds} s` }), limitSeconds * 1000)
      const onMessage = (answer: VerifierAnswer) => settle({ answer })
      const onError = (error: unknown) => settle({ fault: `ended its thread: ${error instanceof Error ? error.message : String(error)}` })
      const onExit = (status: number) => settle({ fault: `ended its thread with status ${status}` })
      const settle = (outcome: Outcome) => {
        clearTimeout(timer)
        worker.off('message', onMessage).off('error', onError).off('exit', onExit)
        resolve(outcome)
      }
      worker.on('message', onMessage).on('error', onError).on('exit', onExit)
      ask()
    })
  }
}
