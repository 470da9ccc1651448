/** The first pages: title, abstract, contents, and how to read what follows. Every sentence is made of the run's own numbers. */
import { formatCount } from '../base/format.ts'
import { countParameters, type ModelConfig } from '../architecture/index.ts'
import { cite, published } from './blocks.ts'
import { claimChapters } from './claims/catalogue.ts'
import { chapterTitles } from './chapter-frame.ts'
import { accuracyOf, beforeSft } from './findings/accuracies.ts'
import { distanceOf, ratioTimes } from './findings/distance.ts'
import { domainScores, scoredStages } from './findings/domain-scores.ts'
import { isAboveGuessing, needleLengths, needlesAt } from './findings/long-context.ts'
import { endsOf } from './findings/trace-ends.ts'
import { html, type Html, join } from './html.ts'
import { countOutcomes, type JudgedClaim } from './judge.ts'
import type { RunFacts } from './run-facts.ts'
import { bitsPerByte, changed, counted, digits, listed, percent } from './wording.ts'

/** The model that the run has come to, or the one that it begins with. */
const finalModel = (run: RunFacts): ModelConfig => run.config ?? run.document.recipe.model

/** The title, and what kind of text this is. */
export function titlePage(run: RunFacts): Html {
  const { recipe } = run.document
  const { total } = countParameters(finalModel(run))
  return html`<header class="title">
    <p class="kind">Technical report</p>
    <h1>${recipe.name}</h1>
    <p class="subtitle">
      A language model of ${formatCount(total)} parameters, from text to replies: what each layer decided, what the next one had to take,
      and what the run “${run.name}” measured on the way
    </p>
  </header> `
}

/** Some 150 words: what was made, from what, how well it came out, and which claims held. */
export function abstract(run: RunFacts, judged: readonly JudgedClaim[]): Html {
  const sentences = [whatItIs(run), training(run), scores(run), extension(run), posttraining(run), claimsSentence(judged), notDone(run)]
  return html`<section class="abstract">
    <h2 id="abstract">Abstract</h2>
    <p>
      ${join(
        sentences.filter((sentence) => sentence !== null),
        ' ',
      )}
    </p>
  </section> `
}

function whatItIs(run: RunFacts): Html {
  const config = finalModel(run)
  const { total, activated } = countParameters(config)
  const heads = `${config.expertCount} routed experts of which a token visits ${config.activeExpertCount}`
  return html`This report describes ${run.document.recipe.name}, a language model of ${formatCount(total)} parameters
  (${published('671B')}), ${formatCount(activated)} of them activated for a token (${published('37B')}), and how it was made. It is built
  like DeepSeek-V3${cite('deepseek-v3')}: a latent cache, ${heads}, balanced by a bias, and
  ${config.mtpDepth > 0 ? 'multi-token prediction' : 'no multi-token prediction'}.`
}

function training(run: RunFacts): Html | null {
  const steps = run.steps('pretrain')
  if (steps.length === 0) return null
  const { first, last } = endsOf(steps.map(({ lossNats }) => lossNats))
  return html`Pre-training on ${formatCount(steps.at(-1)!.tokens)} tokens (${published('14.8T')}) took ${counted(steps.length, 'step')}, in
  which the loss ${changed(first, last)} nats a token (means over the first and the last tenth of them).`
}

function scores(run: RunFacts): Html | null {
  const stage = scoredStages(run)[0]
  const domains = stage === undefined ? [] : domainScores(run, stage)
  if (domains.length === 0) return null
  const ordered = domains.toSorted((a, b) => a.bitsPerByte - b.bitsPerByte)
  const [best, worst] = [ordered[0], ordered.at(-1)!]
  const better = domains.filter((score) => score.bitsPerByte + score.plusMinus < score.compressors.gzip).length
  const range =
    domains.length === 1
      ? bitsPerByte(best.bitsPerByte)
      : `${digits(best.bitsPerByte)} (${best.domain}) to ${bitsPerByte(worst.bitsPerByte)} (${worst.domain})`
  return html`Held-out text then takes ${range}; in ${better} of ${counted(domains.length, 'domain')} that is less than gzip needs, interval
  included.`
}

function extension(run: RunFacts): Html | null {
  const { recipe } = run.document
  const stages = (['extend-1', 'extend-2'] as const).filter((stage) => run.steps(stage).length > 0)
  if (!recipe.extension || stages.length === 0) return null
  const length = recipe.extension.factors.slice(0, stages.length).reduce((product, factor) => product * factor, recipe.training.rowLength)
  return html`The window was then extended from ${recipe.training.rowLength} to ${length} tokens in ${counted(stages.length, 'stage')}
  (${published('4K to 128K in two')})${needles(run, stages.at(-1)!)}.`
}

/** Whether what stands in the longest text can be asked for after the extension; nothing where it was not tried. */
function needles(run: RunFacts, stage: string): string {
  const length = needleLengths(run).findLast((one) => needlesAt(run, stage, one) !== null)
  if (length === undefined) return ''
  const found = needlesAt(run, stage, length)!
  const share = `${found.correct} of ${found.n}, chance ${percent(found.chance)}`
  return isAboveGuessing(found)
    ? `; of the needles in ${length} tokens it then finds ${share}`
    : `; but needles in ${length} tokens are not found (${share})`
}

function posttraining(run: RunFacts): Html | null {
  const found = [
    ['before fine-tuning', beforeSft(run)],
    ['after it', accuracyOf(run, 'sft')],
    ['after reinforcement', accuracyOf(run, 'rl')],
  ] as const
  const present = found.flatMap(([when, event]) => (event ? [{ when, event }] : []))
  if (present.length === 0) return null
  const { n, chance } = present.at(-1)!.event
  const accuracies = present.map(({ when, event: { accuracy } }) => `${percent(accuracy)} ${when}`)
  return html`Of ${n} held-out problems with exact verifiers${kindsOfProblems(run)} it solves ${listed(accuracies)}; chance is
  ${percent(chance)}.`
}

/** " (427 copy, 45 add), of the kinds that fine-tuning drilled,": what a share of all of them hides. */
function kindsOfProblems(run: RunFacts): string {
  const tasks = run.latestOf('posttraining/accuracy', ({ task }) => task).filter(({ task }) => task !== 'all')
  if (tasks.length === 0) return ''
  const drilled = (run.document.recipe.sft?.problems ?? 0) > 0 ? ', of the kinds that fine-tuning drilled' : ''
  return `${drilled} (${tasks.map(({ task, n }) => `${n} ${task}`).join(', ')})`
}

function claimsSentence(judged: readonly JudgedClaim[]): Html {
  const counts = countOutcomes(judged)
  const tested = judged.length - counts['not tested']
  const failed = counts['did not hold'] === 0 ? 'none did not' : `${counts['did not hold']} did not`
  const open = counts['not established'] === 0 ? 'none was left undecided' : `${counts['not established']} came out undecided`
  return html`Of ${counted(judged.length, 'claim')} about such systems, ${tested} were tested in this run: ${counts.held} held, ${failed},
  and ${open}.`
}

const notDone = ({ missing }: RunFacts): Html | null =>
  missing.length === 0
    ? null
    : html`The run is not complete: ${missing.map((sentence) => sentence.charAt(0).toLowerCase() + sentence.slice(1)).join(' ')}`

const frontEntries = [
  { anchor: 'reading', title: 'How to read this report', about: 'whose numbers are whose, and what a verdict means' },
] as const

const closingEntries = [
  { anchor: 'chain', title: 'The chain of constraints', about: 'from routing to serving, with this run’s numbers' },
  { anchor: 'limits', title: 'Limits', about: 'what a run of this size cannot say, and what was left out' },
  { anchor: 'reproduce', title: 'How to reproduce this run', about: 'command, machine, text, recipe' },
  { anchor: 'notes', title: 'Notes', about: 'sources of the published numbers' },
] as const

/** The contents, with a line about each part. */
export function contents(): Html {
  const entry = (anchor: string, number: string, title: string, about: string) =>
    html`<li>
      <span>${number}</span><span><a href="#${anchor}">${title}</a><small>${about}</small></span>
    </li> `
  const chapters = claimChapters.map((name) => {
    const { number, title, about } = chapterTitles[name]
    return entry(`chapter-${name}`, number, title, about)
  })
  const unnumbered = (entries: readonly { readonly anchor: string; readonly title: string; readonly about: string }[]) =>
    entries.map(({ anchor, title, about }) => entry(anchor, '', title, about))
  return html`<nav class="contents" aria-labelledby="contents">
    <h2 id="contents">Contents</h2>
    <ol>
      ${unnumbered(frontEntries)}${chapters}${unnumbered(closingEntries)}
    </ol>
  </nav> `
}

/** How much smaller everything is here. */
function distance(run: RunFacts): Html {
  const { workRatio, tokenRatio } = distanceOf(run)
  const read = tokenRatio === null ? null : html`, and it was trained on some ${ratioTimes(tokenRatio)} as many tokens`
  return html`a token of training costs the larger model some ${ratioTimes(workRatio)} as much computation${read}`
}

/** How to read the numbers, the intervals and the verdicts. */
export function howToRead(run: RunFacts): Html {
  const { recipe } = run.document
  return html`<section id="reading">
    <h2>How to read this report</h2>
    <p>
      The chapters follow the order in which such a system is decided: objective, architecture, infrastructure, pre-training, inference,
      post-training, evaluation. The order matters because each layer inherits constraints from the one before. Every chapter therefore says
      what its layer decides, what it had to take over, how it works, what this run measured, and what it hands on. Each can be read alone,
      but they are written to be read in turn.
    </p>
    <p>
      Two systems appear on these pages. Numbers in the colour of the text were measured in this run, counted from its configuration, or
      simulated, and the sentence says which. Numbers set ${published('like this')} are published ones of the full-size system, DeepSeek-V3,
      quoted from its report${cite('deepseek-v3')} and its companions; none of them was measured here. They stand beside ours to show which
      way an effect should point, never as a value to hit: ${distance(run)}.
    </p>
    <p>
      A loss is in nats a token; bits per byte is the same quantity per byte of text, so that models with other tokenizers and compressors
      can be compared. Intervals are 95 % intervals. Scores stand beside the level that guessing reaches and the number of items behind
      them. The run has one seed (${recipe.seed}) unless a sentence names more, so an interval covers the items or the text that were drawn
      and not the luck of the initial weights.
    </p>
    <p>
      Each chapter ends with its claims. The rule by which a claim is judged was written before the run. A claim <em>held</em> when its rule
      was met, <em>did not hold</em> when the numbers speak against it, and is <em>not established</em> when the interval leaves it open.
      What this run did not measure is <em>not tested</em>, with the command that would test it. That a claim did not hold here says
      something about a model of this size, and little about the one that the claim was made of.
    </p>
  </section> `
}
