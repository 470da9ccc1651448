/** The recipe's ablations: pairs of small runs on the run's own text. */
import { cacheFolder } from '../../../base/platform.ts'
import { runAblation } from '../../../pretraining/index.ts'
import { packageVersion } from '../../package-version.ts'
import { showAblation } from '../ablation-progress.ts'
import { Interrupted, type Part } from '../part.ts'
import { ablationsWithin } from '../text-needs.ts'

export const ablatePart: Part = {
  name: 'ablations',
  until: 'report',
  isWanted: ({ ablations }) => ablations !== null,
  work: async ({ machine, run, text, document, output, interrupt }) => {
    const { recipe } = document
    const { names, leftOut } = ablationsWithin(recipe, text)
    if (leftOut !== null) run.log.append({ type: 'run/warning', message: leftOut })
    for (const name of names) {
      const { reason } = await runAblation(name, {
        machine,
        recipe,
        text,
        cacheFolder: cacheFolder(),
        codeVersion: packageVersion(),
        log: run.log,
        stop: interrupt.signal,
        onProgress: showAblation(output),
      })
      if (reason === 'interrupted') throw new Interrupted(name)
    }
  },
}
