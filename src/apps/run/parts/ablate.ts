/** The recipe's ablations: pairs of small runs on the run's own text. */
import { cacheFolder } from '../../../base/platform.ts'
import { ablationNames, runAblation } from '../../../pretraining/index.ts'
import { packageVersion } from '../../package-version.ts'
import { Interrupted, type Part } from '../part.ts'

export const ablatePart: Part = {
  name: 'ablations',
  until: 'report',
  isWanted: ({ ablations }) => ablations !== null,
  work: async ({ machine, run, text, document, output, interrupt }) => {
    const { recipe } = document
    for (const name of ablationNames(recipe.ablations!.names)) {
      const { reason } = await runAblation(name, {
        machine,
        recipe,
        text,
        cacheFolder: cacheFolder(),
        codeVersion: packageVersion(),
        log: run.log,
        stop: interrupt.signal,
        onProgress: ({ arm, doneCount, runCount, tokens, totalTokens }) =>
          output.progress({
            stage: 'ablate',
            step: tokens,
            stepCount: totalTokens,
            detail: `${name}: ${arm}, run ${Math.min(doneCount + 1, runCount)} of ${runCount}`,
          }),
      })
      if (reason === 'interrupted') throw new Interrupted(name)
    }
  },
}
