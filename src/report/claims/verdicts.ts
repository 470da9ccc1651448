/** The four ways in which a claim can come out, and what several claims ask in the same way. */
import type { Verdict } from '../types.ts'
import type { Measurement } from './measurements.ts'

/** The rule's conditions were met. @param sentence with the numbers, their units, n and interval */
export const held = (sentence: string): Verdict => ({ outcome: 'held', sentence })

/** The rule's conditions were not met, and the numbers say so. */
export const didNotHold = (sentence: string): Verdict => ({ outcome: 'did not hold', sentence })

/** Measured, but the interval leaves it open. */
export const notEstablished = (sentence: string): Verdict => ({ outcome: 'not established', sentence })

/** Nothing in this run's log bears on it. */
export const notTested = (sentence: string): Verdict => ({ outcome: 'not tested', sentence })

/** Where an interval lies beside zero. */
export function sideOf(low: number, high: number): 'below' | 'above' | 'across' {
  if (high < 0) return 'below'
  return low > 0 ? 'above' : 'across'
}

/** What a claim needs to have been measured; a type of event that no layer emits, or that has no words for a reader, does not compile. */
export const needs = (...types: readonly Measurement[]): readonly Measurement[] => types
