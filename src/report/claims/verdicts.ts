/** The four ways in which a claim can come out, and what several claims ask in the same way. */
import type { EventType } from '../run-facts.ts'
import type { Verdict } from '../types.ts'

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

/** Types of events that a claim needs; a type that no layer emits does not compile. */
export const needs = (...types: readonly EventType[]): readonly EventType[] => types
