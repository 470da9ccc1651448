/** Numbers in plans: whole ones with separators, others with four digits. Written here because a locale takes 20 ms to load. */

/** 1234567 → "1,234,567"; rounded to a whole number. */
export const thousands = (value: number): string => String(Math.round(value)).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')

/** Four significant digits, no trailing zeros. */
export const figure = (value: number): string => String(Number(value.toPrecision(4)))

/** 1, "node" → "1 node"; 2, "node" → "2 nodes". */
export const counted = (count: number, noun: string): string => `${thousands(count)} ${noun}${count === 1 ? '' : 's'}`
