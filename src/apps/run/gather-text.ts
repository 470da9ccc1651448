/** The text of a run: fetched, cleaned, encoded; said on the way. */
import { formatBytes, formatCount } from '../../base/format.ts'
import { cacheFolder } from '../../base/platform.ts'
import type { Tokenizer } from '../../foundations/index.ts'
import { type DataEvent, prepareText, type PreparedText, type Recipe } from '../../pretraining/index.ts'
import type { RunRecordEvent } from '../../report/index.ts'
import type { Output } from '../output.ts'

/**
 * Gathers the text that a recipe asks for.
 *
 * @param tokenizer the run's own; trained on the text when there is none yet
 */
export async function gatherText(
  recipe: Recipe,
  tokenizer: Tokenizer | undefined,
  log: (event: RunRecordEvent) => void,
  output: Output,
): Promise<PreparedText> {
  const onEvent = (event: DataEvent) => {
    log(event)
    if (event.type === 'data-fallback') output.warn(event.reason)
    if (event.type === 'data-skipped') output.warn(`${event.path}: ${event.reason}`)
    if (event.type === 'data-split') output.note(`text      ${event.domain}: ${event.note}`)
    if (event.type === 'data-fetched') output.progress({ stage: 'data', detail: `fetched ${event.packageName}` })
    if (event.type === 'data-source') output.progress({ stage: 'data', detail: event.source })
    if (event.type === 'data-tokenized') output.progress({ stage: 'encode', detail: event.domain })
  }
  const text = await prepareText(recipe, {
    cacheFolder: cacheFolder(),
    tokenizer,
    onEvent,
    onTokenizerProgress: (progress) => {
      if (progress.stage === 'merges')
        output.progress({
          stage: 'tokenizer',
          detail: `${progress.doneCount} of ${progress.totalCount} merges`,
          isLast: progress.doneCount === progress.totalCount,
        })
    },
  })
  const { statistics, domains } = text.corpus
  const tokens = text.tokenized.domains.reduce((sum, { train }) => sum + train.ids.length, 0)
  output.note(
    `text      ${formatCount(statistics.documents)} documents, ${formatBytes(statistics.utf8Bytes)}, ${formatCount(tokens)} tokens: ${domains.map(({ name, weight }) => `${name} ${(weight * 100).toFixed(0)} %`).join(', ')}`,
  )
  return text
}
