/** Questions about countries, from the World Factbook: its figures are those of about 2015, and the answers say so. */
import type { Document } from '../../pretraining/index.ts'
import { type ConversationMaker, type Exchange, inRandomOrder } from './conversation.ts'

const longestValue = 120

/** A line of the factbook's text, and what to ask about it. `take` picks what is said; null where that is not plain. */
const fields: readonly {
  readonly line: string
  readonly take: RegExp
  readonly question: (country: string) => string
  readonly answer: (country: string, value: string) => string
}[] = [
  {
    line: 'Capital, name: ',
    take: /^[\p{L} .'-]+/u,
    question: (country) => `What is the capital of ${country}?`,
    answer: (country, value) => `The capital of ${country} is ${value}.`,
  },
  {
    line: 'Internet country code: ',
    take: /^\.[a-z]{2}$/,
    question: (country) => `What is the internet country code of ${country}?`,
    answer: (country, value) => `The internet country code of ${country} is ${value}`,
  },
  {
    line: 'Location: ',
    take: /^[^;(]+/,
    question: (country) => `Where is ${country}?`,
    answer: (_, value) => `${value}.`,
  },
  {
    line: 'Area, total: ',
    take: /^[\d,.]+ sq km/,
    question: (country) => `How large is ${country}?`,
    answer: (country, value) => `The area of ${country} is ${value}.`,
  },
  {
    line: 'Population: ',
    take: /^[\d,]+/,
    question: (country) => `How many people live in ${country}?`,
    answer: (_, value) => `${value} in 2015.`,
  },
  {
    line: 'Coastline: ',
    take: /^[\d,.]+ km/,
    question: (country) => `How long is the coast of ${country}?`,
    answer: (country, value) => `The coast of ${country} is ${value} long.`,
  },
  {
    line: 'Elevation extremes, highest point: ',
    take: /^[\p{L} .'-]+ [\d,]+ m$/u,
    question: (country) => `What is the highest point of ${country}?`,
    answer: (_, value) => `${value}.`,
  },
  {
    line: 'Government type: ',
    take: /^[^;(]+$/,
    question: (country) => `How is ${country} governed?`,
    answer: (_, value) => `As a ${value}.`,
  },
  {
    line: 'Climate: ',
    take: /^.+$/,
    question: (country) => `What is the climate of ${country}?`,
    answer: (_, value) => `${value}.`,
  },
  {
    line: 'Nationality, adjective: ',
    take: /^[\p{L} -]+$/u,
    question: (country) => `Which adjective belongs to ${country}?`,
    answer: (_, value) => `${value}.`,
  },
]

/** The country of a document: its first line, where an empty one follows. */
function countryOf({ text }: Document): string | null {
  const [name, next] = text.split('\n', 2)
  return next === '' && name.length <= 40 ? name : null
}

function exchangesOf(document: Document): Exchange[] {
  const country = countryOf(document)
  if (country === null) return []
  const lines = document.text.split('\n')
  return fields.flatMap(({ line, take, question, answer }) => {
    const value = take.exec(lines.find((one) => one.startsWith(line))?.slice(line.length) ?? '')?.[0].trim()
    if (!value || value.length > longestValue) return []
    return [{ key: `${document.id}:${line.split(/[,:]/, 1)[0]}`, question: question(country), answer: answer(country, value) }]
  })
}

/** Capitals, places, sizes. */
export const countries: ConversationMaker = {
  source: 'countries',
  share: 0.08,
  reads: { domain: 'facts', prefix: 'factbook/' },
  exchanges: (documents, rng) => inRandomOrder(documents.flatMap(exchangesOf), rng, (exchange) => exchange),
}
