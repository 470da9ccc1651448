/** What the report cannot say: limits of any run of this size, and what this one left out or did otherwise than asked. */
import { idleExperts } from './findings/idle-experts.ts'
import { lastTaskStage, taskScores } from './findings/task-scores.ts'
import { html, type Html, join } from './html.ts'
import type { RunFacts } from './run-facts.ts'
import { counted, listed, percent } from './wording.ts'

/** The limits, in prose and as a list of what was left out. */
export function limits(run: RunFacts): Html {
  const omissions = leftOut(run)
  return html`<section id="limits">
    <h2>Limits</h2>
    <p>${scale()}</p>
    <p>
      All arithmetic of the run is in 32-bit floating point, on one machine. ${formats(run)}; a cluster and its network are simulated from
      this run’s sizes and traffic, and where a number comes from a simulation the text says so. Times were taken while the machine did
      whatever else it had to do, so they are upper bounds of what it needs alone.
    </p>
    <p>${scoresSentence(run)}</p>
    ${idleSentence(run)} ${chosenBefore(run)}
    ${
      omissions.length === 0
        ? html`<p>Nothing that the recipe as printed asks for was left out or done otherwise.</p>`
        : html`<p>Left out, or done otherwise than asked for:</p>
            <ul>
              ${omissions.map((omission) => html`<li>${omission}</li> `)}
            </ul>`
    }
  </section> `
}

/** Where the run kept something in fewer bits than it computed with. */
function formats(run: RunFacts): string {
  const { activations, optimizer } = run.document.recipe.training
  const kept = [
    ...(activations === 'fp8' ? ['inputs of linear layers waited for the backward pass in FP8'] : []),
    ...(optimizer.moments === 'bf16' ? ['the moments of the optimizer were kept in BF16'] : []),
  ]
  const own = kept.length === 0 ? 'The run itself does not use FP8' : sentence(listed(kept))
  const isEmulated = run.has('ablation/precision') || run.ofType('ablation/result').some(({ name }) => name.startsWith('fp8'))
  return isEmulated ? `${own}; in ablations beside it FP8 is emulated, by rounding what products read, and saves no time` : own
}

const sentence = (text: string) => text.replace(/^./, (letter) => letter.toUpperCase())

/** What was tuned before the run, and on what: it flatters the run's own numbers. */
function chosenBefore(run: RunFacts): Html {
  const isBuiltIn = run.document.recipe.name.startsWith('nano')
  const sentences = [
    ...(run.has('posttraining/accuracy')
      ? [
          html`Problems are held out of fine-tuning and reinforcement; most sums of small numbers also stand somewhere in the generated
          exercises of pre-training.`,
        ]
      : []),
    ...(run.has('posttraining/accuracy') && run.document.recipe.rl?.scoredOn === 'validation'
      ? [
          html`The problems of its scores are of the validation side, by which settings are chosen: they flatter whatever was chosen by
          them.`,
        ]
      : []),
    ...(run.has('posttraining/accuracy') && run.document.recipe.rl?.scoredOn === 'held-out' && isBuiltIn
      ? [
          html`The tasks that are reinforced, the settings of fine-tuning and reinforcement and the temperature at which replies are scored
          were chosen in about a dozen trials on validation problems of the same tasks; the held-out problems of the scores had no part in
          that choice.`,
        ]
      : []),
    ...(run.ofType('ablation/result').some(({ name }) => name === 'latent-cache')
      ? [
          html`The control with full heads begins with an attention of half the size: begun like the latent one, it ended 0.22 nats a token
          above it in a trial, which would have flattered the latent cache.`,
        ]
      : []),
  ]
  return sentences.length === 0 ? html`` : html`<p>${join(sentences, ' ')}</p>`
}

function scale(): Html {
  return html`A model of some minutes knows how its text is spelled and shaped, and little of what it says. Effects that need scale to
  appear cannot appear here, and effects that vanish with scale may. Comparisons between variants of the model are made with short runs of
  their own and say so.`
}

function scoresSentence(run: RunFacts): Html {
  const stage = lastTaskStage(run)
  const scores = stage === null ? [] : taskScores(run, stage)
  if (scores.length === 0)
    return html`No task was scored in this run, so the text says nothing about what the model can do beyond predicting text.`
  const atChance = scores.filter(({ isAboveChance }) => !isAboveChance).map(({ task }) => task)
  const chance =
    atChance.length === 0
      ? 'All tasks lie above chance, which for some of them says only that the model knows how text goes on.'
      : `${atChance.length} of ${counted(scores.length, 'task')} cannot be told from guessing after the last stage (chapter 07).`
  return html`${chance}${inTrainingText(run)}`
}

/** How many of the items that were compared share a passage with the training text. */
function inTrainingText(run: RunFacts): string {
  const found = run.latestOf('evaluation/contamination', ({ task }) => task)
  const sum = (value: (event: (typeof found)[number]) => number) => found.reduce((total, event) => total + value(event), 0)
  const compared = sum(({ n }) => n)
  if (compared === 0) return ' Whether their items stand in the training text was not looked up.'
  const shared = sum(({ contaminated }) => contaminated)
  const unchecked = sum((event) => event.unchecked)
  const short = unchecked > 0 ? ` (${unchecked} more were too short to be compared)` : ''
  return ` Of the ${compared} items that were compared with the training text${short}, ${shared === 0 ? 'none has' : shared === 1 ? 'one has' : `${shared} have`} a long passage in common with it${shared === 0 ? '' : `, ${percent(shared / compared)}`}.`
}

/** Experts that the finished model hardly uses. */
function idleSentence(run: RunFacts): Html {
  const found = idleExperts(run)
  if (!found || found.idle.length === 0) return html``
  const { idle, count } = found
  return html`<p>
    Of the model’s ${count} routed experts ${idle.length === 1 ? 'one is' : `${idle.length} are`} nearly idle on held-out text (chapter 02):
    weights that are stored and served, and hardly used.
  </p>`
}

/** One sentence for everything that a layer said it could not do as asked. */
function leftOut(run: RunFacts): string[] {
  const sentences = [
    ...run.missing,
    ...run.ofType('run/warning').map(({ message }) => message),
    ...run.ofType('data-fallback').map(({ reason }) => reason),
    ...run.ofType('evaluation/task-left-out').map(({ task, reason }) => `The task ${task} was left out: ${inSentence(reason)}`),
    ...run
      .ofType('evaluation/long-context-left-out')
      .map(
        ({ what, length, reason }) =>
          `${what === 'needle' ? 'Needles' : 'Losses by position'} at ${length} tokens were left out: ${inSentence(reason)}`,
      ),
    ...skipped(run),
  ]
  return [...new Set(sentences)]
}

/** A sentence that goes on behind a colon; names and abbreviations keep their capitals. */
const inSentence = (sentence: string) => sentence.replace(/^[A-Z](?=[a-z]* )/, (letter) => letter.toLowerCase())

function skipped(run: RunFacts): string[] {
  const steps = run.ofType('training/skipped').length
  const unsupervised = run.ofType('training/unsupervised').length
  const faults = run.ofType('rl/verifier-fault').reduce((sum, { count }) => sum + count, 0)
  return [
    ...(steps > 0 ? [`${counted(steps, 'step')} without a finite loss or gradient, not taken.`] : []),
    ...(unsupervised > 0 ? [`${counted(unsupervised, 'batch', 'batches')} of fine-tuning without a token to learn from, not taken.`] : []),
    ...(faults > 0 ? [`${counted(faults, 'verdict')} that a verifier did not give, counted as wrong.`] : []),
  ]
}
