// Names of properties, methods and the ranker's parts, in words.

const ATTRIBUTES = {
  FN: 'Gets the fashion newsletter', Active: 'Agreed to be contacted', club_member_status: 'Club membership',
  fashion_news_frequency: 'Fashion news', age: 'Age', postal_code: 'Postal code', detail_desc: 'Description', prod_name: 'Name',
  available_from: 'Sold from', available_until: 'Sold until', stock: 'In stock', available: 'Sold', index_name: 'Range', index_group_name: 'Range group',
}
const FLAGS = ['FN', 'Active']

const spell = name => {
  const words = name.replace(/_name$/, '').replaceAll('_', ' ')
  return words[0].toUpperCase() + words.slice(1)
}
export const nameAttribute = name => ATTRIBUTES[name] ?? spell(name)
export const writeAttribute = (name, value) => FLAGS.includes(name) ? (Number(value) ? 'yes' : 'no') : typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)

// The attributes that people read: names instead of the codes and numbers beside them.
export const readable = attributes => Object.entries(attributes).filter(([name, value]) =>
  value !== null && !/_(code|no|id)$/.test(name) && !['prod_name', 'detail_desc'].includes(name))

export const nameMethod = ({ name, doc }) => `${spell(name)}: ${doc}`

// Which facts a part of the ranker's score stands for, and what they do to the score.
const KNOWN = {
  'the customer': 'How much, how often and how recently this customer buys',
  'the article': 'Its recent sales, repeat sales, price and age',
  'the customer and the article': 'Earlier purchases of this article and similar ones, and how well it fits the customer’s taste,',
  'other sources': 'That other sources do not propose it',
}
export const PARTS = {
  'the customer': 'The customer', 'the article': 'The article', 'the customer and the article': 'The customer and the article',
  'other sources': 'Other sources', baseline: 'Starting value of every candidate',
}
export function writePart({ source, place, part, because }) {
  if (place !== null) return `Number ${place} of “${source}”: ${because}`
  return `${KNOWN[source] ?? because} ${part < 0 ? 'count against it' : 'count for it'}`.replace('it count', 'it counts')
}

export const EXAMPLES = { few: 'Buys little', typical: 'A typical customer', many: 'Buys a lot', none: 'Has not bought yet' }
