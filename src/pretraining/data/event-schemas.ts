/** The events of the data layer as schemas. */
import { z } from 'zod'
import { counted, type EventSchemas, record } from '../../base/event-schema.ts'
import type { DataEvent } from './events.ts'

type EventOf<T extends DataEvent['type']> = Extract<DataEvent, { readonly type: T }>

export const dataEventSchemas = {
  'data-fetched': record<EventOf<'data-fetched'>>()({
    type: z.literal('data-fetched'),
    packageName: z.string(),
    version: z.string(),
    packedBytes: counted,
  }),
  'data-source': record<EventOf<'data-source'>>()({
    type: z.literal('data-source'),
    source: z.string(),
    domain: z.string(),
    documents: counted,
    utf8Bytes: counted,
    isCached: z.boolean(),
  }),
  'data-fallback': record<EventOf<'data-fallback'>>()({ type: z.literal('data-fallback'), reason: z.string() }),
  'data-skipped': record<EventOf<'data-skipped'>>()({ type: z.literal('data-skipped'), path: z.string(), reason: z.string() }),
  'data-deduplicated': record<EventOf<'data-deduplicated'>>()({
    type: z.literal('data-deduplicated'),
    exactCopies: counted,
    nearCopies: counted,
    droppedBytes: counted,
  }),
  'data-split': record<EventOf<'data-split'>>()({ type: z.literal('data-split'), domain: z.string(), note: z.string() }),
  'data-tokenized': record<EventOf<'data-tokenized'>>()({
    type: z.literal('data-tokenized'),
    domain: z.string(),
    tokens: counted,
    utf8Bytes: counted,
    isCached: z.boolean(),
  }),
} satisfies EventSchemas<DataEvent>
