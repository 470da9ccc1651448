// A model of your own inside a program of your own: node reply.mjs runs/first 'How many cm are 7 m?'
import { openModel } from 'strata-lm/inference'

const [folder = 'runs/first', question = 'How many cm are 7 m?'] = process.argv.slice(2)
const model = await openModel(folder)
for (const { text } of model.reply([{ role: 'user', content: question }], { temperature: 0, maxTokens: 100 })) {
  process.stdout.write(text)
}
model.close()
