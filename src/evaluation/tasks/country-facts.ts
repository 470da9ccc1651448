/**
 * Four-way choice, as MMLU asks it (Hendrycks et al., 2021), on an almanac: a held-out country's capital,
 * region, government or internet code, after its name and where it lies. The country's own page was not read in training.
 */
import type { Random } from '../../base/random.ts'
import type { CorpusDomain } from '../../pretraining/data/index.ts'
import { drawSome, type Task, type TaskItem, withChoices } from './item.ts'

/** Lines of a page with one short value each. */
const fields = ['Map references', 'Capital, name', 'Internet country code', 'Government type', 'Nationality, adjective']
const mostCharacters = 40

interface Fact {
  readonly id: string
  readonly country: string
  readonly location: string
  readonly field: string
  readonly value: string
}

const valueOf = (text: string, field: string) =>
  text
    .split('\n')
    .find((line) => line.startsWith(`${field}: `))
    ?.slice(field.length + 2)
    .replace(/[;(].*$/, '')
    .trim()

function factsOf(domains: readonly CorpusDomain[]): Fact[] {
  return domains.flatMap(({ heldOut }) =>
    heldOut.flatMap(({ id, text }) => {
      const location = valueOf(text, 'Location')
      const country = text.slice(0, text.indexOf('\n')).trim()
      if (location === undefined || country === '' || country.length > mostCharacters) return []
      return fields.flatMap((field): Fact[] => {
        const value = valueOf(text, field)
        return value === undefined || value === '' || value.length > mostCharacters ? [] : [{ id, country, location, field, value }]
      })
    }),
  )
}

function build(domains: readonly CorpusDomain[], rng: Random): TaskItem[] {
  const facts = factsOf(domains)
  return facts.flatMap(({ id, country, location, field, value }) => {
    const wrong = drawSome(
      facts,
      3,
      rng,
      (one, taken) => one.field === field && one.value !== value && taken.every((other) => other.value !== one.value),
    )
    if (wrong.length < 3) return []
    const context = `${country}\n\nGeography\nLocation: ${location}\n${field}:`
    const others = wrong.map((one) => ` ${one.value}`)
    return [withChoices({ id: `${id}/${field}`, task: countryFacts.name, context }, ` ${value}`, others, rng)]
  })
}

/** The task. */
export const countryFacts: Task = {
  name: 'country-facts',
  likeName: 'mmlu-like (almanac)',
  scoring: 'per-byte',
  asks: 'a fact about a country whose page was held out, among those of four countries',
  needs: 'pages of countries with lines such as "Capital, name: Paris", four or more',
  build,
}
