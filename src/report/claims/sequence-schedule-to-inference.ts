/** What training decided and serving lives with: an inventory of the trained state, and what parts of it are worth. */
import { formatBytes } from '../../base/format.ts'
import { draftsOf, draftVerdict, speedText } from '../findings/drafts.ts'
import { gainOf, lastStagedStage, measuredWindows, positionsOf } from '../findings/long-context.ts'
import { trainedState } from '../findings/trained-state.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { digits, listed, percent, signed } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

/** The worth of something that serving may keep, and whether keeping it helps by more than its uncertainty. */
export interface KeptEffect {
  readonly text: string
  readonly isFelt: boolean
  /** Whether it was measured without an interval that decides. */
  readonly isOpen: boolean
}

/** Effects that this run measured: selection biases left out, drafts of the MTP module, the extended window. */
export function keptEffects(run: RunFacts): KeptEffect[] {
  const effects: KeptEffect[] = []
  const unbiased = run.lastOf('inference/routing', ({ hasBias, isAsTrained }) => !hasBias && !isAsTrained)
  if (unbiased?.addedNats != null && unbiased.plusMinus != null)
    effects.push({
      text: `without the selection biases the loss changes by ${signed(unbiased.addedNats)} ± ${digits(unbiased.plusMinus)} nats (${unbiased.rows} rows)`,
      isFelt: unbiased.addedNats > unbiased.plusMinus,
      isOpen: false,
    })
  const drafts = draftsOf(run)
  if (drafts)
    effects.push({
      text: `the MTP module’s drafts are accepted in ${percent(drafts.acceptance.value)} of ${drafts.drafted} cases and decoding with them runs at ${speedText(drafts, digits)}`,
      isFelt: draftVerdict(drafts) === 'faster',
      isOpen: draftVerdict(drafts) === 'not established',
    })
  const window = windowEffect(run)
  if (window) effects.push(window)
  return effects
}

/** What extension did to the loss in the far half of the longest window, paired by rows: the same text before and after. */
function windowEffect(run: RunFacts): KeptEffect | null {
  const stage = lastStagedStage(run)
  const window = measuredWindows(run, 'pretrain').at(-1)
  if (stage === null || window === undefined) return null
  const change = gainOf(positionsOf(run, stage, window), positionsOf(run, 'pretrain', window))
  if (!change) return null
  const { gainNats, plusMinus, rows } = change
  const interval = Number.isFinite(plusMinus)
    ? ` ± ${digits(plusMinus)} nats, paired over ${rows} rows`
    : ' nats, of one row and so without an interval'
  return {
    text: `the extension changes the loss in the far half of ${window} tokens by ${signed(gainNats)}${interval}`,
    isFelt: gainNats < -plusMinus,
    isOpen: !Number.isFinite(plusMinus),
  }
}

export const scheduleToInference: Claim = {
  id: 'sequence.schedule-to-inference',
  statement: claimStatements['sequence.schedule-to-inference'],
  mechanism: 'src/report/findings/trained-state.ts',
  needs: needs('training/step', 'inference/routing'),
  command: 'strata run nano',
  rule: 'It holds where keeping at least one thing beside the weights helps inference: the selection biases or the extended window lower the loss by more than its uncertainty, or the MTP module’s drafts make decoding faster by their whole interval. Where nothing does and one of them has no interval that decides, it is not established.',
  judge(run) {
    const state = trainedState(run.document.recipe)
    const bytes = (fate: string) => formatBytes(state.filter((item) => item.fate === fate).reduce((sum, item) => sum + item.bytes, 0))
    const effects = keptEffects(run)
    if (effects.length === 0) return notTested('What the parts beside the weights are worth was not measured.')
    const sentence = `Of the state at the end of pre-training serving needs ${bytes('kept')}, may keep ${bytes('optional')} and drops ${bytes('dropped')}; ${listed(effects.map(({ text }) => text))}.`
    if (effects.some(({ isFelt }) => isFelt)) return held(sentence)
    return effects.some(({ isOpen }) => isOpen) ? notEstablished(sentence) : didNotHold(sentence)
  },
}
