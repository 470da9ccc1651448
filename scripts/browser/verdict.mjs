/** What must hold between the two results: one row a promise, for the page and for the terminal. */
import { dialects } from './work.mjs'

/** Decimals of a loss that is only shown; what is compared are the numbers themselves. */
const digits = 6

const row = (promise, holds, detail) => ({ promise, holds, detail })

/** Steps whose loss, MTP losses and gradient norm are the same doubles. */
function equalSteps(ours, theirs) {
  const same = (a, b) => a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b)
  return ours.filter((step, index) => same(step, theirs[index])).length
}

function trainingRows(dialect, inNode, inTab, steps) {
  const losses = inTab.steps.map(({ lossNats }) => lossNats)
  const isWhole =
    losses.length === steps && inTab.steps.every((step) => [step.lossNats, step.gradientNorm, ...step.mtpNats].every(Number.isFinite))
  const equal = equalSteps(inTab.steps, inNode.steps)
  const areWeightsEqual = inTab.weightsDigest === inNode.weightsDigest
  const ours = inTab.continuation
  const theirs = inNode.continuation
  const isTextEqual = ours.prefillDigest === theirs.prefillDigest && JSON.stringify(ours.ids) === JSON.stringify(theirs.ids)
  return [
    row(`${dialect}: a machine starts`, inTab.dialect === dialect && inTab.threads === 2, `${inTab.threads} threads`),
    row(
      `${dialect}: the loss falls`,
      isWhole && losses.at(-1) < losses[0],
      `${losses[0]?.toFixed(digits)} to ${losses.at(-1)?.toFixed(digits)} nats in ${losses.length} steps`,
    ),
    row(
      `${dialect}: as in Node, bit for bit`,
      equal === steps && inNode.steps.length === steps && areWeightsEqual,
      `${equal} of ${steps} steps, ${areWeightsEqual ? 'and the weights' : 'not the weights'}`,
    ),
    row(
      `${dialect}: prefill and decode as in Node`,
      isTextEqual && ours.ids.length > 0,
      `${ours.ids.length} tokens${isTextEqual ? '' : ', not the same ones'}`,
    ),
  ]
}

/**
 * Every promise with its verdict.
 *
 * @param inNode what work() gave in Node
 * @param inTab  what it gave in the tab
 */
export function verdict(inNode, inTab) {
  const names = Object.keys(inNode.floors)
  const loaded = names.filter((name) => inTab.floors[name] === inNode.floors[name] && inTab.floors[name] > 0)
  return [
    row('every floor below apps loads', loaded.length === names.length, loaded.join(', ')),
    row(
      'a tokenizer is trained, the same file as in Node',
      inTab.tokenizerDigest === inNode.tokenizerDigest,
      `${inTab.vocabSize} tokens, SHA-256 ${inTab.tokenizerDigest.slice(0, 12)}…`,
    ),
    ...dialects.flatMap((dialect) => trainingRows(dialect, inNode.runs[dialect], inTab.runs[dialect], inNode.steps)),
  ]
}
