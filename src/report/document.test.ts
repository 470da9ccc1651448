import assert from 'node:assert/strict'
import { test } from 'node:test'
import { figure } from './blocks.ts'
import { chapterOfClaim, claimChapters } from './claims/catalogue.ts'
import { claims } from './claims/index.ts'
import { renderReport } from './document.ts'
import { html, raw } from './html.ts'
import { countOutcomes, judge, judgeAll } from './judge.ts'
import { runFactsOf } from './run-facts.ts'
import { testRunDocument, testRunEvents } from './test-run.ts'
import type { Chapter, Claim } from './types.ts'

const facts = runFactsOf('first', testRunDocument(), testRunEvents(), null)
const textOf = (markup: string) => markup.replaceAll(/<svg[^]*?<\/svg>|<math[^]*?<\/math>|<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')

const block = { id: 'shared', drawing: () => raw('<svg></svg>'), caption: html`A finding of some length.` }
const chapter: Chapter = {
  name: 'architecture',
  decides: () => html`<p>It decides.</p>`,
  inherited: () => html``,
  mechanism: () => html`<p>It works.</p>`,
  measured: () => html`<p>It was measured.</p>`,
  handsOn: () => html`<p>It hands on.</p>`,
}
const claim: Claim = {
  id: 'architecture.latent-cache',
  statement: 'A statement',
  mechanism: 'src/architecture/mla.ts',
  needs: ['training/step'],
  rule: 'It holds where it holds.',
  command: 'strata ablate latent-cache',
  judge: () => ({ outcome: 'held', sentence: 'It <held>.' }),
  figure: () => block,
}

test('chapters stand in the catalogue’s order, each with its claims, and the closing parts follow', () => {
  const report = renderReport(facts)
  const anchors = Array.from(report.matchAll(/<section id="([\w-]+)"/g), ([, id]) => id)
  const chapters = claimChapters.map((name) => `chapter-${name}`)
  assert.deepEqual(anchors, ['reading', ...chapters, 'chain', 'limits', 'reproduce', 'notes'])
  for (const { id } of claims) {
    const place = report.indexOf(`id="claim-${id}"`)
    const begin = report.indexOf(`id="chapter-${chapterOfClaim(id)}"`)
    assert.ok(place > begin && !report.slice(begin, place).includes('</section>'), id)
  }
})

test('the parts of a chapter have headings in order; one without text has none', () => {
  const report = renderReport(facts, { chapters: [chapter], claims: [claim] })
  const section = report.slice(report.indexOf('<section id="chapter-architecture"'), report.indexOf('<section id="chapter-infrastructure"'))
  assert.deepEqual(
    Array.from(section.matchAll(/<h3>([^<]*)</g), ([, title]) => title),
    ['What it decides', 'The mechanism', 'What this run measured', 'What held, and what did not', 'What it hands on'],
  )
  assert.match(textOf(section), /Held in this run A statement\. It &lt;held&gt;\. See Figure.1 below\. It holds where it holds\./)
})

test('a claim’s figure that the chapter has shown is referred to and not drawn again', () => {
  const placed: Chapter = { ...chapter, measured: () => figure(block) }
  const report = renderReport(facts, { chapters: [placed], claims: [claim] })
  assert.equal(report.match(/id="figure-shared"/g)?.length, 1)
  assert.match(textOf(report), /See Figure.1 \. /)
})

test('a claim whose events are missing is not tested and is not asked', () => {
  const unasked: Claim = { ...claim, needs: ['training/step', 'evaluation/judges'], judge: () => assert.fail('asked') }
  const unjudged = runFactsOf(
    'first',
    testRunDocument(),
    testRunEvents().filter(({ type }) => type !== 'evaluation/judges'),
    null,
  )
  assert.deepEqual(judge(unasked, unjudged), {
    outcome: 'not tested',
    sentence: 'In this run no judge was asked to choose between two replies.',
  })
  const report = renderReport(unjudged, { chapters: [], claims: [unasked] })
  assert.match(textOf(report), /Not tested in this run A statement\. .* To test it: strata ablate latent-cache \./)
  assert.match(textOf(report), /Attention → cache \( not measured \)/)
  assert.deepEqual(countOutcomes(judgeAll([claim, unasked], unjudged)), {
    held: 1,
    'did not hold': 0,
    'not established': 0,
    'not tested': 1,
  })
})

test('the distance to the published system is the quotient of the two works of a token that chapter 01 quotes', () => {
  const text = textOf(renderReport(facts))
  const [, own, large] = /A token of this model takes ([\d.]+) MFLOP in training.*?V3 ([\d.]+) GFLOP, counted/.exec(text)!
  const [, quoted] = /costs the larger model some (\d+)K times as much computation/.exec(text)!
  assert.ok(Math.abs((Number(large) * 1e9) / (Number(own) * 1e6) / (Number(quoted) * 1000) - 1) < 0.05, `${large} G / ${own} M, ${quoted}K`)
})

test('an abstract has about 150 words, all of them the run’s', () => {
  const report = renderReport(facts)
  const abstract = textOf(report.slice(report.indexOf('<section class="abstract"'), report.indexOf('<nav')))
  const count = abstract.split(' ').length
  assert.ok(count > 100 && count < 220, `${count} words`)
})

test('what a run says about itself cannot become markup', () => {
  const hostile = '<script>alert(1)</script>'
  const document = { ...testRunDocument(), machine: { ...testRunDocument().machine, processor: hostile }, derivation: [hostile] }
  const report = renderReport(
    runFactsOf(hostile, document, [...testRunEvents(), { type: 'run/warning', message: hostile }], null, [hostile]),
  )
  assert.doesNotMatch(report, /<script/)
  assert.match(report, /&lt;script&gt;/)
})

test('what was not measured is said without events and logs, and every command is set as code', () => {
  const isPlain = (name: string) => !name.startsWith('fp8')
  const runs = [
    testRunEvents(),
    [],
    testRunEvents().filter(({ type }) => !type.startsWith('ablation/')),
    testRunEvents().filter((event) => event.type !== 'ablation/precision' && (!('name' in event) || isPlain(event.name))),
    testRunEvents().filter(({ type }) => type.startsWith('training/')),
  ]
  for (const events of runs) {
    const report = renderReport(runFactsOf('first', testRunDocument(), events, null))
    const prose = report.replaceAll(/<code>[^]*?<\/code>/g, ' ').replaceAll(/<[^>]*>/g, ' ')
    const [command] = /strata (?:run|start|ablate|reward|report|data)\b|`|--run\b/.exec(prose) ?? []
    const [event] = /(?<!src\/)\b(?:ablation|evaluation|inference|posttraining|reward|rl|training)\/[a-z]+/.exec(prose) ?? []
    const [log] = /\b(?:in the log|the log holds|(?:run’s|whose) log)\b/i.exec(prose) ?? []
    assert.deepEqual({ command, event, log }, { command: undefined, event: undefined, log: undefined })
  }
})

test('a verdict is told once, with its claim; the chain has a number of its own for every arrow that was measured', () => {
  const plain = (markup: string) => textOf(markup).replaceAll(/[\s\u00A0\u202F\u2060]+/g, ' ')
  const whole = plain(renderReport(facts))
  for (const { verdict } of judgeAll(claims, facts)) {
    const begin = plain(html`${verdict.sentence}`.markup).slice(0, 80)
    assert.equal(whole.split(begin).length, 2, begin)
  }
  const chain = whole.slice(whole.indexOf('The chain of constraints The chapters'), whole.indexOf('Limits A model'))
  const items = chain.split(' → ').slice(1)
  assert.equal(items.length, 10)
  for (const item of items) assert.equal(/\( measured: [a-z ]+ \)/.test(item), / Here /.test(item), item)
})

test('limits name everything that was left out or done otherwise', () => {
  const limits = (report: string) => textOf(report.slice(report.indexOf('<section id="limits"'), report.indexOf('<section id="reproduce"')))
  const events = [...testRunEvents(), { type: 'run/warning', message: 'Something was done otherwise.' } as const]
  assert.match(limits(renderReport(runFactsOf('first', testRunDocument(), events, null))), /Something was done otherwise\./)
})

test('limits say of how many items the ones that share a passage with the training text are', () => {
  const compared = (n: number, contaminated: number, unchecked: number) =>
    ({ type: 'evaluation/contamination', task: `of-${n}`, n, contaminated, whole: 0, unchecked, gramWords: [13, 5], examples: [] }) as const
  const without = testRunEvents().filter(({ type }) => type !== 'evaluation/contamination')
  const page = (events: typeof without) => textOf(renderReport(runFactsOf('first', testRunDocument(), events, null)))
  assert.match(page([...without, compared(30, 3, 1), compared(20, 2, 0)]), /Of the 50 items .* \(1 more .*\), 5 have .*, 10 %\./)
  assert.match(page([...without, compared(30, 0, 0)]), /Of the 30 items that were compared with the training text, none has/)
})

test('the command to reproduce a run says what was asked for', () => {
  const asked = {
    ...testRunDocument().asked,
    settings: ['rl.steps=3'],
    data: ['my notes.txt'],
    seed: 7,
    budget: { seconds: 600, derives: 'model' } as const,
  }
  const report = renderReport(runFactsOf('first', { ...testRunDocument(), asked }, [], null))
  assert.match(
    report,
    /strata run nano --name first --data &#39;my notes\.txt&#39; --set rl\.steps=3 --seed 7 --budget 600s\n\s*strata report runs\/first/,
  )
})

test('what a budget came to is said as numbers, so that another machine can train the same weights', () => {
  const { recipe, asked } = testRunDocument()
  const derived = { ...recipe, training: { ...recipe.training, tokens: 123_456 } }
  const budget = { seconds: 900, derives: 'tokens' } as const
  const report = renderReport(runFactsOf('first', { ...testRunDocument(), recipe: derived, asked: { ...asked, budget } }, [], null))
  assert.match(report, /<code>strata start\n/)
  assert.match(report, /strata run nano --name first-again [^<]*--set training\.tokens=123456/)
})
