/** What the compute core says to a run log, as schemas. */
import { z } from 'zod'
import { type EventSchemas, record } from '../base/event-schema.ts'
import type { KernelChoice } from './kernels.ts'

export const kernelEventSchemas = {
  kernels: record<KernelChoice>()({ type: z.literal('kernels'), dialect: z.enum(['relaxed', 'plain']), reason: z.string() }),
} satisfies EventSchemas<KernelChoice>
