/**
 * Everything that verbs print. The result goes to standard output; what is said about the way there (notes, progress,
 * warnings) goes to standard error, so a pipe or a file receives the result alone.
 */
import { createPaint, type Paint } from './colour.ts'
import { progressLine, type Progress } from './progress-line.ts'

/** As much of a stream as is needed here; a test's is an array of strings. */
export interface Stream {
  readonly write: (text: string) => unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface OutputOptions {
  /** One JSON document on standard output and nothing else there. */
  readonly json?: boolean
  /** No notes, no progress. */
  readonly quiet?: boolean
  readonly stdout?: Stream
  readonly stderr?: Stream
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Milliseconds, rising. */
  readonly clock?: () => number
}

export interface Output {
  readonly isJson: boolean
  /** Marks for standard output. */
  readonly paint: Paint
  /** The verb's result: `document` as JSON, or the text of `render`. A document is an object, never a list. */
  readonly result: <Document extends object>(document: Document extends readonly unknown[] ? never : Document, render: () => string) => void
  /** A piece of the result as it comes, such as generated text; left out with `--json`, where `result` has it whole. */
  readonly stream: (text: string) => void
  /** A line about what is going on. */
  readonly note: (line: string) => void
  /** A line that must not be missed, whatever the flags: a fallback, something skipped. */
  readonly warn: (line: string) => void
  /** Where long work stands: one line that is updated on a terminal, otherwise a line every few seconds. */
  readonly progress: (progress: Progress) => void
}

const terminalMilliseconds = 100
const plainMilliseconds = 5000

/** The output of one verb. */
export function createOutput(options: OutputOptions = {}): Output {
  const {
    json = false,
    quiet = false,
    stdout = process.stdout,
    stderr = process.stderr,
    env = process.env,
    clock = () => performance.now(),
  } = options
  const errorPaint = createPaint(stderr, env)
  const isTerminal = stderr.isTTY === true && env['TERM'] !== 'dumb'
  let isLineOpen = false
  let shownAt = Number.NEGATIVE_INFINITY
  let shownStage = ''

  /** Before anything else is printed, the updated line goes: the terminal is shared by both streams. */
  const clear = () => {
    if (isLineOpen) stderr.write('\r\u001B[K')
    isLineOpen = false
  }
  const say = (line: string) => {
    clear()
    stderr.write(`${line}\n`)
  }

  return {
    isJson: json,
    paint: createPaint(stdout, env),
    result: (document, render) => {
      clear()
      const text = json ? JSON.stringify(document) : render()
      stdout.write(text.endsWith('\n') ? text : `${text}\n`)
    },
    stream: (text) => {
      if (json) return
      clear()
      stdout.write(text)
    },
    note: (line) => {
      if (!quiet) say(line)
    },
    warn: (line) => say(`${errorPaint.warning('warning:')} ${line}`),
    progress: (progress) => {
      const isLast = progress.isLast ?? (progress.step !== undefined && progress.step === progress.stepCount)
      const isDue = clock() - shownAt >= (isTerminal ? terminalMilliseconds : plainMilliseconds)
      if (quiet || !(isDue || isLast || progress.stage !== shownStage)) return
      // A finished stage stays on the screen: the next one gets a line of its own.
      if (isLineOpen && progress.stage !== shownStage) stderr.write('\n')
      shownAt = clock()
      shownStage = progress.stage
      if (!isTerminal) return say(progressLine(progress))
      // A terminal whose size nobody set says 0.
      stderr.write(`\r${progressLine(progress, (stderr.columns || 80) - 1)}\u001B[K${isLast ? '\n' : ''}`)
      isLineOpen = !isLast
    },
  }
}
