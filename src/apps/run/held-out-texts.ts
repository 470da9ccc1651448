/** What of a run's held-out text is scored, and how. */
import { chooseDocuments } from '../../evaluation/index.ts'
import type { PreparedText, Recipe } from '../../pretraining/index.ts'

/** Rows of held-out text that go through the model at once. */
export const rowsAtOnce = 8

/** Rows as in training. @param rows at once */
export const scoring = ({ training }: Recipe, rows: number) => ({ rowLength: training.rowLength, rows })

/** The domains that have held-out text, and what of it is scored. @param bytes of each domain */
export function heldOutTexts({ corpus }: PreparedText, bytes: number, seed: number) {
  return corpus.domains
    .filter(({ heldOut }) => heldOut.length > 0)
    .map(({ name, heldOut }) => ({ name, texts: chooseDocuments(heldOut, bytes, seed) }))
    .filter(({ texts }) => texts.length > 0)
}
