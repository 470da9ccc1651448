#!/usr/bin/env node
/** The `strata` command: runs the program on this process's arguments and streams, and ends with its exit status. */
import * as nodeModule from 'node:module'

// Compiled code is kept from start to start where Node can (22 on), which halves the start of a verb.
nodeModule.enableCompileCache?.()
const [{ runProgram }, { chooseVectors }] = await Promise.all([import('./program.ts'), import('./choose-vectors.ts')])

// A reader that has seen enough (`strata plan … | head`) is no error. What else can happen to a stream is a full disk.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`strata: the output could not be written (${error.code ?? error.message}).\n`)
  process.exit(2)
})
process.stderr.on('error', () => {})

const status = await runProgram(process.argv.slice(2), { begin: () => chooseVectors(process.env['STRATA_VECTOR_BITS']) })

// Everything written is out, and an error of the last write reported, before the process ends; workers that still wait
// for work do not hold it.
process.stdout.write('', () => setImmediate(() => process.exit(status)))
