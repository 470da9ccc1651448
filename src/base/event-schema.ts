/**
 * Schemas of events: what stands in a log is checked before anything is made of it.
 *
 * A floor declares its events as types and puts a table of schemas beside them, one for each type of event. The compiler
 * holds the two together in both directions: a type of event without a schema, a field too many or too few, a schema that is
 * wider than its field or narrower does not compile.
 *
 *   const noteSchemas = { note: record<NoteEvent>()({ type: z.literal('note'), text: z.string() }) } satisfies EventSchemas<NoteEvent>
 */
import { z } from 'zod'
import { didYouMean } from './nearest.ts'
import type { RunEvent } from './run-log.ts'
import { schemaViolations } from './schema-violations.ts'

/** One schema for each type of event in a union. */
export type EventSchemas<E extends RunEvent> = { readonly [T in E['type']]: z.ZodType<Extract<E, { readonly type: T }>> }

type Fields<T> = { readonly [K in keyof T]-?: z.ZodType<T[K]> }

/** `never` for a field that T has not, and for one whose schema refuses something that T allows. */
type Exactly<T, S extends Fields<T>> = {
  readonly [K in keyof S]: K extends keyof T ? ([T[K]] extends [z.output<S[K]>] ? S[K] : never) : never
}

/** Schema of a record of type T, field by field. Called twice, because T is given and the fields are inferred. */
export const record =
  <T>() =>
  <S extends Fields<T>>(fields: S & Exactly<T, S>): z.ZodType<T> =>
    z.object(fields) as unknown as z.ZodType<T>

/** Schema of a list that nobody changes. @param least items that it has at least */
export const list = <T>(item: z.ZodType<T>, least = 0): z.ZodType<readonly T[]> => z.array(item).min(least)

/** Schema of a map from names. */
export const byName = <T>(item: z.ZodType<T>): z.ZodType<Readonly<Record<string, T>>> => z.record(z.string(), item)

/** Any number: what is measured may be infinite, or none at all. */
export const measured: z.ZodType<number> = z.custom<number>((value) => typeof value === 'number', 'expected a number')

/** Something that is counted. */
export const counted: z.ZodType<number> = z.int('expected a whole number').min(0)

/** A schema, and that one count of the record is a part of another. */
export const withPart = <T extends Readonly<Record<Part | Whole, number>>, Part extends string, Whole extends string>(
  schema: z.ZodType<T>,
  part: Part,
  whole: Whole,
): z.ZodType<T> => schema.refine((value) => value[part] <= value[whole], { path: [part], message: `expected at most ${whole}` })

/**
 * What is wrong with an event, one line each; nothing when it is one of those that the table knows.
 *
 * @param event of a log
 */
export function eventViolations(event: RunEvent, schemas: Readonly<Record<string, z.ZodType>>): string[] {
  if (!Object.hasOwn(schemas, event.type)) return [unknownType(event.type, Object.keys(schemas))]
  const { success, error } = schemas[event.type].safeParse(event)
  return success ? [] : schemaViolations(error, event, 'the event').map((line) => `${event.type}: ${line}`)
}

const unknownType = (type: string, known: readonly string[]) =>
  `expected an event that this version of Strata writes, got the type ${JSON.stringify(type.slice(0, 60))}. ${didYouMean(type, known)}`.trim()
