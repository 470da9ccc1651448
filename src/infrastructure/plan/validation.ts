/**
 * Numbers that follow from configuration or arithmetic alone, each beside what was published: `strata plan --validate`.
 *
 * An exact row has to agree to the last digit. A rounded one has to agree with the digits that were published, within a
 * tolerance that the row states. Sources are named in each row: [V3] the report, [V2] its predecessor's, [ISCA] "Insights
 * into DeepSeek-V3", [OII] open-infra-index, [EPLB] and [DualPipe] the repositories, [ML] Moonlight, [MoE] DeepSeekMoE.
 */
import { validationOfModels } from './validation-models.ts'
import type { ValidationRow } from './validation-row.ts'
import { validationOfSystem } from './validation-system.ts'

/** Every row, computed now. */
export function validate(): ValidationRow[] {
  return [...validationOfModels(), ...validationOfSystem()].toSorted((a, b) => a.row - b.row)
}
