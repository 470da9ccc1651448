/**
 * The style sheet of a report: a book's page. One column of some 66 characters in the reader's own serif face, one accent,
 * remarks in the margin where there is one; the same on a phone, in the dark and on paper.
 *
 * Colours are pairs for light and dark with a contrast of at least 4.5 to the paper behind them, text or not, so that a line
 * can be named in its own colour. The hues are told apart by readers who do not see red and green (after Okabe and Ito).
 */

const light = `
  --paper: #fdfcf9; --ink: #1d1c1a; --soft: #5d5a54; --rule: #d9d5cc; --faint: #f3f0e9;
  --accent: #1f4e8c; --published: #7a4a12;
  --one: #1f5fa8; --two: #a8450c; --three: #0c7156; --four: #83468f; --five: #6f6300; --heat: #1f5fa8;`

const dark = `
  --paper: #16171a; --ink: #e9e6df; --soft: #a9a59c; --rule: #3a3b3f; --faint: #202226;
  --accent: #93bdf0; --published: #dcb27a;
  --one: #7fb2ec; --two: #f0955c; --three: #5cc4a2; --four: #d3a0dc; --five: #cfc05a; --heat: #4a7fb8;`

const print = `
  --paper: #fff; --ink: #000; --soft: #4a4844; --rule: #bbb; --faint: #f4f4f4; --accent: #000;`

const page = `
:root { color-scheme: light dark; ${light} }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.58 Charter, "Bitstream Charter", "Iowan Old Style", "Source Serif 4", "Palatino Linotype", Palatino, Georgia, "Noto Serif", serif;
  font-kerning: normal; font-variant-numeric: oldstyle-nums proportional-nums; hyphens: auto; text-wrap: pretty;
}
main { max-width: 40rem; margin: 0 auto; padding: 4rem 1rem 6rem; }
p { margin: 0 0 .9em; }
a { color: var(--accent); text-decoration-thickness: .06em; text-underline-offset: .16em; }
h1, h2, h3, h4 { line-height: 1.22; text-wrap: balance; hyphens: manual; break-after: avoid; font-weight: 600; }
h1 { font-size: 2.3rem; margin: 0 0 .6rem; letter-spacing: -.012em; }
h2 { font-size: 1.62rem; margin: 4.5rem 0 1.3rem; padding-top: 1.1rem; border-top: 1px solid var(--rule); letter-spacing: -.006em; }
h2 .number { display: block; font-size: .92rem; font-weight: 400; color: var(--soft); letter-spacing: .08em; margin-bottom: .25rem; font-variant-numeric: lining-nums tabular-nums; }
h3 { font-size: 1.16rem; margin: 2.3rem 0 .7rem; }
h4 { font-size: 1rem; font-style: italic; font-weight: 600; margin: 1.6rem 0 .45rem; }
code { font: .84em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; hyphens: none; }
pre { margin: 1rem 0 1.2rem; padding: .7rem .9rem; background: var(--faint); white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.45; }
pre code { font-size: .8rem; }
blockquote { margin: 1rem 0 1.2rem; padding: 0 0 0 1.1rem; border-left: 2px solid var(--rule); }
blockquote p { overflow-wrap: anywhere; }
ul, ol { padding-left: 1.3rem; margin: 0 0 1em; }
li { margin-bottom: .3em; }
dl { margin: 0 0 1em; }
dt { font-weight: 600; break-after: avoid; }
dd { margin: 0 0 .5em 1.3rem; }
sup { font-size: .68em; line-height: 0; vertical-align: .48em; font-variant-numeric: lining-nums; }
.cite a { text-decoration: none; padding: 0 .08em; }
.title { margin-bottom: 3rem; }
.title .kind { color: var(--soft); letter-spacing: .06em; margin: 0 0 1.4rem; }
.title .subtitle { font-size: 1.1rem; color: var(--soft); font-style: italic; margin: 0 0 2.4rem; text-wrap: balance; }
.abstract { margin: 0 2rem; font-size: .97rem; line-height: 1.55; }
.abstract h2 { font-size: .97rem; border: 0; margin: 0 0 .5rem; padding: 0; letter-spacing: 0; }
.contents ol { list-style: none; padding: 0; margin: 0; }
.contents li { display: grid; grid-template-columns: 2.4rem 1fr; margin-bottom: .42rem; }
.contents li > span:first-child { color: var(--soft); font-variant-numeric: lining-nums tabular-nums; }
.contents a { text-decoration: none; }
.contents a:hover { text-decoration: underline; }
.contents small { display: block; color: var(--soft); font-size: .85rem; line-height: 1.35; }
.published { color: var(--published); }
.published .of { font-size: .68em; letter-spacing: .05em; font-weight: 600; vertical-align: .1em; font-variant-numeric: lining-nums; }
.sidenote { color: var(--soft); font-size: .82rem; line-height: 1.42; display: block; margin: .5em 0 .7em 1.3rem; hyphens: manual; text-indent: 0; }
.formula { margin: 1.1rem 0; overflow-x: auto; overflow-y: hidden; text-align: center; }
.formula > span { display: inline-block; white-space: nowrap; padding: .12em 0; }
.formula .apart { padding-left: 1em; }
.formula math { display: inline math; }
math { font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", "TeX Gyre Termes Math", "DejaVu Math TeX Gyre", math; font-size: 1.04em; }
`

const blocks = `
figure { margin: 2rem 0 2.2rem; break-inside: avoid; }
figcaption { font-size: .88rem; line-height: 1.45; color: var(--ink); margin-top: .7rem; hyphens: manual; }
figure.table figcaption { margin: 0 0 .6rem; }
figcaption .number, h3 .number { font-weight: 600; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .88rem; line-height: 1.35; min-width: 100%; font-variant-numeric: lining-nums tabular-nums; hyphens: manual; border-bottom: 1px solid var(--ink); }
thead tr { border-top: 1px solid var(--ink); border-bottom: 1px solid var(--soft); }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; vertical-align: top; font-weight: 400; }
thead th { vertical-align: bottom; font-style: italic; }
th.end, td.end { text-align: right; }
td.short { white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
svg { display: block; width: 100%; height: auto; overflow: visible; font: 12px/1 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; font-variant-numeric: lining-nums tabular-nums; }
svg text.bold { font-weight: 600; }
svg text.halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
.for-phone { display: none; max-width: 24rem; }
.line { fill: none; stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
.dashed { stroke-dasharray: 5 4; }
.broad { stroke-width: 6; stroke-opacity: .45; }
.reference { fill: none; stroke-width: 1; stroke-dasharray: 2 3; }
.axis { fill: none; stroke: var(--soft); stroke-width: .8; }
.grid { fill: none; stroke: var(--rule); stroke-width: .7; }
.interval { stroke-width: 2; stroke-linecap: butt; }
.chance { stroke-width: 1.6; }
.hollow { fill: var(--paper); stroke-width: 1.6; }
.band { fill-opacity: .16; stroke: none; }
text.on { fill: var(--paper); }
.f-ink { fill: var(--ink); } .f-soft { fill: var(--soft); } .f-published { fill: var(--published); } .f-heat { fill: var(--heat); }
.f-one { fill: var(--one); } .f-two { fill: var(--two); } .f-three { fill: var(--three); } .f-four { fill: var(--four); } .f-five { fill: var(--five); }
.s-ink { stroke: var(--ink); } .s-soft { stroke: var(--soft); } .s-published { stroke: var(--published); }
.s-one { stroke: var(--one); } .s-two { stroke: var(--two); } .s-three { stroke: var(--three); } .s-four { stroke: var(--four); } .s-five { stroke: var(--five); }
.claims { list-style: none; padding: 0; }
.claims > li { margin-bottom: 1.25rem; break-inside: avoid-page; }
.claims p { margin: 0 0 .25em; }
.claims .statement { font-weight: 600; }
.claims .small, .small { font-size: .84rem; line-height: 1.42; color: var(--soft); }
.chain { list-style: none; padding: 0; }
.chain li { margin-bottom: 1rem; break-inside: avoid; }
.chain .arrow { font-weight: 600; display: block; }
.chain .state { font-style: italic; font-weight: 400; color: var(--soft); }
.recipe { font-size: .86rem; line-height: 1.5; hyphens: manual; font-variant-numeric: lining-nums; }
.recipe dd { overflow-wrap: anywhere; }
.notes { padding-left: 2.1rem; font-size: .88rem; line-height: 1.45; }
.notes li::marker { font-variant-numeric: lining-nums; }
.back a { text-decoration: none; margin-left: .25em; font-variant-numeric: lining-nums; }
`

const screens = `
@media (max-width: 30rem) {
  body { font-size: 1rem; line-height: 1.52; hyphens: auto; }
  main { padding: 2.2rem 1rem 4rem; }
  h1 { font-size: 1.85rem; }
  h2 { font-size: 1.42rem; margin-top: 3.4rem; }
  .abstract { margin: 0; }
  table { font-size: .8rem; }
  th, td { padding-right: .55rem; }
  .scroll { background: linear-gradient(to right, var(--paper) 30%, transparent) local, linear-gradient(to left, var(--paper) 30%, transparent) right local, linear-gradient(to right, var(--rule), transparent) scroll, linear-gradient(to left, var(--rule), transparent) right scroll; background-size: 2.4rem 100%, 2.4rem 100%, .7rem 100%, .7rem 100%; background-repeat: no-repeat; }
  .formula math { font-size: .95em; }
  .formula .apart { padding-left: .4em; }
  .for-page { display: none; }
  .for-phone { display: block; }
}
@media (min-width: 78rem) {
  main { margin-left: max(4rem, calc(50vw - 27rem)); position: relative; }
  .sidenote { float: right; clear: right; width: 14rem; margin: .25rem -16.5rem 1rem 0; }
}
`

const paper = `
@media print {
  :root { ${light} ${print} }
  @page { size: A4; margin: 22mm 24mm 24mm; }
  html { font-size: 10.4pt; }
  body { line-height: 1.45; }
  main { max-width: none; padding: 0; margin: 0; }
  .title { margin-bottom: 1.6rem; }
  .title .subtitle { margin-bottom: 1.2rem; }
  h2 { margin-top: 2.6rem; }
  .contents h2 { margin: 1.4rem 0 .7rem; padding-top: .7rem; }
  .contents li { margin-bottom: .12rem; }
  .abstract { font-size: .93rem; line-height: 1.42; }
  .contents small { line-height: 1.2; }
  h2, h3, h4, .statement, figure.table figcaption { break-after: avoid; }
  p, li, figcaption { orphans: 3; widows: 3; }
  p:has(+ ul), p:has(+ ol), p:has(+ pre), p:has(+ .formula) { break-after: avoid; }
  h1, h2, h3, h4, tr, pre, blockquote, figcaption { break-inside: avoid; }
  figure { margin: 1.4rem 0 1.5rem; }
  figure.table, .claims > li, .chain li { break-inside: auto; }
  thead { display: table-header-group; }
  tbody tr:nth-child(-n+3) { break-after: avoid; }
  tbody tr:nth-last-child(-n+3) { break-before: avoid; }
  figure:not(.table) > .for-page { max-width: 140mm; margin: 0 auto; }
  figure svg { max-height: 165mm; }
  .scroll { overflow: visible; }
  a { color: inherit; text-decoration: none; }
  .back { display: none; }
  .contents a::after { content: none; }
}
`

/** The style sheet, whole. */
export const styleSheet = [page, blocks, screens, paper].join('').replaceAll(/\n\s*/g, '\n')
