/** One command line in this process, for tests of verbs: faster than a process of its own by its start. */
import { mock } from 'node:test'
import { runProgram } from '../src/apps/program.ts'

export interface Said {
  readonly status: number
  readonly out: string
  readonly err: string
}

/** Runs `strata …`. The test runner talks on the same stream, in bytes; what a verb writes is text. */
export async function strata(...args: readonly string[]): Promise<Said> {
  const said = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) => {
    const write = process[name].write.bind(process[name])
    return mock.method(process[name], 'write', (data: string | Uint8Array) => {
      if (typeof data !== 'string') return write(data)
      said[name] += data
      return true
    })
  })
  try {
    const status = await runProgram(args)
    return { status, out: said.stdout, err: said.stderr }
  } finally {
    for (const spy of spies) spy.mock.restore()
    process.exitCode = undefined
  }
}
