/** `strata report`: the technical report of a run as one HTML file, made from the run's folder and from nothing else. */
import type { Command } from 'commander'
import { usageError } from '../../base/errors.ts'
import { formatBytes } from '../../base/format.ts'
import { claims, countOutcomes, judgeAll, type JudgedClaim, namedForRun, readRunFacts, type RunFacts } from '../../report/index.ts'
import { commonFlags, type CommonFlags } from '../flags.ts'
import { createOutput, type Output } from '../output.ts'
import { reportFile, writeReport } from '../run/write-report.ts'
import { formatTable } from '../table.ts'

interface ReportFlags extends Pick<CommonFlags, 'json' | 'quiet'> {
  readonly claims: boolean
  readonly out?: string
}

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('report')
    .summary('write the technical report of a run, or print what became of its claims')
    .description(
      'Writes the report of a run: one HTML file that needs no network and no scripts. It is made from the run’s folder alone, so it comes out the same every time; a run that was cut short has one too.',
    )
    .argument('<run>', 'a run folder')
    .option('--claims', 'print every claim with its verdict, write nothing', false)
    .option('--out <file>', 'where to write it; report.html in the run folder unless given')
  commonFlags(command, 'json', 'quiet').action(run)
}

function run(folder: string, flags: ReportFlags): void {
  const output = createOutput(flags)
  if (flags.claims && flags.out !== undefined)
    throw usageError('strata report', '--claims, which writes nothing, or --out', 'both', 'Leave one away.')
  const facts = readRunFacts(folder)
  for (const sentence of facts.missing) output.note(`${folder}: ${sentence}`)
  if (flags.claims) printClaims(facts, output)
  else write(folder, facts, flags.out, output)
}

function write(folder: string, facts: RunFacts, out: string | undefined, output: Output): void {
  const file = out ?? reportFile(folder)
  const bytes = writeReport(facts, file)
  output.note(`${formatBytes(bytes)}; open it in a browser, or print it`)
  output.result({ report: file, bytes, missing: facts.missing }, () => file)
}

function printClaims(facts: RunFacts, output: Output): void {
  const judged = judgeAll(claims, facts)
  const counts = countOutcomes(judged)
  const document = {
    run: facts.name,
    counts,
    claims: judged.map(({ claim: { id, statement, command }, verdict: { outcome, sentence } }) => ({
      id,
      statement,
      outcome,
      sentence: namedForRun(sentence, facts),
      command: namedForRun(command, facts),
    })),
  }
  output.result(document, () => {
    const rows = judged.map(({ claim, verdict }) => [claim.id, colourOf(verdict.outcome, output), claim.statement])
    const table = formatTable([{ title: 'claim' }, { title: 'verdict' }, { title: '' }], rows)
    const untested = document.claims.filter(({ outcome }) => outcome === 'not tested')
    const commands = formatTable(
      [{ title: 'to test' }, { title: 'type' }],
      untested.map(({ id, command }) => [id, command]),
    )
    const sum = `${counts.held} held, ${counts['did not hold']} did not, ${counts['not established']} not established, ${counts['not tested']} not tested`
    return [table, sum, ...(untested.length > 0 ? [commands] : [])].join('\n\n')
  })
}

function colourOf(outcome: JudgedClaim['verdict']['outcome'], { paint }: Output): string {
  if (outcome === 'held') return paint.good(outcome)
  return outcome === 'not tested' ? paint.faint(outcome) : paint.warning(outcome)
}
