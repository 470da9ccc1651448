/**
 * The maths domain: pages of exercises, generated from a seed, with whole problems held out.
 *
 * A problem's own text decides whether it is held out, not the page it lands on. So no held-out problem, however short,
 * occurs in training, and the held-out score is about new sums rather than remembered ones.
 */
import { Random } from '../../base/random.ts'
import { isHeldOutProblem } from '../../foundations/index.ts'
import type { ExtractedText } from './document.ts'
import { drawProblem } from './maths-problems.ts'

/** Share of the problems that are held out, 0..1. */
const heldOutShare = 0.02

const problemsPerPage = 12

/**
 * Pages of twelve problems each, one empty line between problems.
 *
 * @param seed       of the random stream "synthetic-maths"
 * @param characters length of the training pages together, reached with the last page; all text is ASCII, so also bytes
 */
export function generateMaths(seed: number, characters: number): ExtractedText[] {
  const rng = Random.seeded(seed).fork('synthetic-maths')
  const pages: ExtractedText[] = []
  const open: { [side in 'train' | 'held-out']: string[] } = { train: [], 'held-out': [] }
  const close = (side: 'train' | 'held-out') => {
    const text = open[side].join('\n\n')
    pages.push({ id: `${side}-${String(pages.length).padStart(6, '0')}`, text, isHeldOut: side === 'held-out' })
    open[side] = []
    return side === 'train' ? text.length : 0
  }
  for (let written = 0; written < characters;) {
    const problem = drawProblem(rng)
    const side = isHeldOutProblem(problem, heldOutShare) ? 'held-out' : 'train'
    open[side].push(problem)
    if (open[side].length === problemsPerPage) written += close(side)
  }
  if (open['held-out'].length > 0) close('held-out')
  return pages
}
