/** One row of a validation: ours beside published, and whether they agree as closely as they have to. */

export interface ValidationRow {
  /** Row of the list of facts; parts of one row share its number. */
  readonly row: number
  readonly quantity: string
  readonly formula: string
  readonly ours: number | string
  readonly published: number | string
  readonly source: string
  /** ours / published - 1; null for rows that are not numbers. */
  readonly difference: number | null
  readonly isExact: boolean
  /** Largest relative difference that a rounded row may have. */
  readonly tolerance: number
  readonly holds: boolean
}

/** A row that has to agree to the last digit; `digits` after the point are compared, all of them when left out. */
export function exactRow(
  row: number,
  quantity: string,
  formula: string,
  ours: number | string,
  published: number | string,
  source: string,
  digits?: number,
): ValidationRow {
  const shown = typeof ours === 'number' && digits !== undefined ? Number(ours.toFixed(digits)) : ours
  const difference = typeof shown === 'number' && typeof published === 'number' ? shown / published - 1 : null
  return { row, quantity, formula, ours: shown, published, source, difference, isExact: true, tolerance: 0, holds: shown === published }
}

/** A row whose published figure is rounded. */
export function roundedRow(
  row: number,
  quantity: string,
  formula: string,
  ours: number,
  published: number,
  source: string,
  tolerance: number,
): ValidationRow {
  const difference = ours / published - 1
  return {
    row,
    quantity,
    formula,
    ours,
    published,
    source,
    difference,
    isExact: false,
    tolerance,
    holds: Math.abs(difference) <= tolerance,
  }
}
