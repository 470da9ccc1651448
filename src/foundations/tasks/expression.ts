/**
 * Arithmetic expressions as a person writes them, parsed and never evaluated as code: whole numbers, + - * /, brackets.
 *
 * Values are exact fractions, so that (1 / 3) * 3 is 1. What is too long, too deep or too large is no expression.
 */

/** What an expression comes to. */
export interface ParsedExpression {
  /** The value as numerator / denominator in lowest terms, the denominator positive. */
  readonly value: Fraction
  /** The numbers in it, in order. */
  readonly numbers: readonly number[]
}

/** [numerator, denominator], both safe integers. */
type Fraction = readonly [number, number]

const longestText = 200
const deepestBrackets = 20

/** Thrown inside, caught by `parseExpression`. */
class NoExpression extends Error {}

const fail = (): never => {
  throw new NoExpression()
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? Math.abs(a) : greatestDivisor(b, a % b))

function fraction(numerator: number, denominator: number): Fraction {
  if (denominator === 0 || !Number.isSafeInteger(numerator) || !Number.isSafeInteger(denominator)) return fail()
  const divisor = greatestDivisor(numerator, denominator) * Math.sign(denominator)
  // Adding 0 turns -0 into 0.
  return [numerator / divisor + 0, denominator / divisor]
}

function apply(operator: string, [a, b]: Fraction, [c, d]: Fraction): Fraction {
  if (operator === '+') return fraction(a * d + c * b, b * d)
  if (operator === '-') return fraction(a * d - c * b, b * d)
  return operator === '*' ? fraction(a * c, b * d) : fraction(a * d, b * c)
}

/**
 * Parses an expression.
 *
 *   sum     = product (("+" | "-") product)*
 *   product = factor (("*" | "/") factor)*
 *   factor  = digits | "(" sum ")"
 *
 * @returns null when the text is none, divides by zero, or leaves the whole numbers below 2^53
 */
export function parseExpression(text: string): ParsedExpression | null {
  if (text.length > longestText) return null
  const tokens = text.match(/\d+|[^\s\d]/g) ?? []
  const numbers: number[] = []
  let next = 0
  const chain = (operators: string, operand: (depth: number) => Fraction, depth: number): Fraction => {
    let value = operand(depth)
    while (next < tokens.length && operators.includes(tokens[next])) value = apply(tokens[next++], value, operand(depth))
    return value
  }
  const factor = (depth: number): Fraction => {
    const token = tokens[next++] ?? ''
    if (token === '(' && depth < deepestBrackets) {
      const value = sum(depth + 1)
      return tokens[next++] === ')' ? value : fail()
    }
    if (!/^\d+$/.test(token)) return fail()
    numbers.push(Number(token))
    return fraction(Number(token), 1)
  }
  const product = (depth: number) => chain('*/', factor, depth)
  const sum = (depth: number): Fraction => chain('+-', product, depth)
  try {
    const value = sum(0)
    return next === tokens.length ? { value, numbers } : null
  } catch (error) {
    if (error instanceof NoExpression) return null
    throw error
  }
}
