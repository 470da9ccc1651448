/**
 * Shapes are names: the letters after the last underscore of a tensor's name are its dimensions, one letter each.
 *
 *   const { M, D } = dims({ x_MD, gain_D })
 *
 * reads the sizes, throws when two tensors disagree about a letter, and does not compile for a letter that none of them
 * has. The key of letters is in CONTRIBUTING.md.
 */
import { ShapeError } from '../base/errors.ts'

interface Shaped {
  readonly shape: readonly number[]
}

type Suffix<Name extends string> = Name extends `${string}_${infer Rest}` ? Suffix<Rest> : Name
type Letters<Text extends string> = Text extends `${infer First}${infer Rest}` ? First | Letters<Rest> : never
type LetterOf<Name> = Name extends `${string}_${string}` ? Letters<Suffix<Name>> : never

/**
 * The sizes behind the letters.
 *
 * @param tensors tensors under their own names, by object shorthand
 * @returns one number for every letter
 * @throws ShapeError when a name has another number of letters than its tensor has dimensions, or two sizes differ
 */
export function dims<T extends Record<string, Shaped>>(tensors: T): { readonly [Letter in LetterOf<keyof T>]: number } {
  const sizes: Record<string, number> = {}
  const owners: Record<string, string> = {}
  for (const name in tensors) {
    const { shape } = tensors[name]
    const start = name.lastIndexOf('_') + 1
    if (start === 0) continue
    if (name.length - start !== shape.length) {
      throw new ShapeError(`${name}: expected ${name.length - start} dimensions, got [${shape.join(', ')}].`)
    }
    for (let axis = 0; axis < shape.length; axis++) {
      const letter = name[start + axis]
      const known = sizes[letter]
      if (known !== undefined && known !== shape[axis]) {
        throw new ShapeError(`${name} has ${letter} = ${shape[axis]}, but ${owners[letter]} has ${letter} = ${known}.`)
      }
      sizes[letter] = shape[axis]!
      owners[letter] ??= name
    }
  }
  return sizes as { readonly [Letter in LetterOf<keyof T>]: number }
}
