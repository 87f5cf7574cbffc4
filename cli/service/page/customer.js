// A customer's view: who they are, what they bought and when, and what they are recommended.
import { path, request } from './api.js'
import { card, day, empty, facts, h, loading, month, number, plain, price, several, shortId, table } from './dom.js'
import { makeLists } from './lists.js'
import { articleAddress, change } from './place.js'
import { drawBars } from './plots.js'
import { nameAttribute, writeAttribute } from './words.js'

const MOST = 10_000 // purchases that the service returns at most
const FIRST_ROWS = 6
let shown = null // the customer whose view is on the page: its id, and what follows the address

export async function showCustomer(main, { id, params }, isCurrent) {
  if (shown?.id === id && shown.node.isConnected) return shown.follow(params)
  document.title = `Customer ${plain(id)} · hmrec`
  const heading = h('h1', {}, 'Customer ', h('span', { class: 'id' }, id))
  main.replaceChildren(heading, loading('Reading the customer'))
  const customer = await request(path('customers', id), { k: MOST })
  if (!isCurrent()) return
  const purchases = makePurchases(customer)
  const lists = await makeLists({ customer: id })
  if (!isCurrent()) return
  const node = h('div', {},
    h('div', { class: 'columns profile' }, card('Profile', facts(describe(customer))), purchases.node), lists.node)
  main.lastChild.replaceWith(node)
  const follow = async params => {
    purchases.follow(params)
    await lists.follow(params)
  }
  shown = { id, node, follow }
  await follow(params)
}

const describe = ({ attributes, bought, articles, first, last }) => [
  ...Object.entries(attributes).filter(([, value]) => value !== null).map(([name, value]) => [nameAttribute(name), shortId(writeAttribute(name, value))]),
  ['Articles bought', number(bought)], ['Different articles', number(articles)], ['First purchase', day(first)], ['Last purchase', day(last)],
]

function listMonths(first, last) {
  const months = []
  for (let [year, now] = first.split('-').map(Number); ; now === 12 ? (year++, now = 1) : now++) {
    months.push(`${year}-${String(now).padStart(2, '0')}`)
    if (months.at(-1) >= last.slice(0, 7)) return months
  }
}

// What the customer bought by month: a chart, the months to choose, and the purchases in them.
function makePurchases({ purchases, first, last }) {
  if (!purchases.length) return { node: card('Purchases', empty('This customer has not bought anything yet.')), follow() {} }
  const months = listMonths(purchases.at(-1).t_dat, purchases[0].t_dat)
  const units = new Map(months.map(name => [name, 0]))
  for (const { t_dat, quantity } of purchases) units.set(t_dat.slice(0, 7), units.get(t_dat.slice(0, 7)) + (quantity ?? 1))
  const options = () => months.map(name => h('option', { value: name }, month(name)))
  const pick = (name, title) => h('label', {}, `${title} `, h('select', { class: 'form-select', name, onchange: () => choose(months.indexOf(from.value), months.indexOf(to.value)) }, options()))
  const [fromLabel, toLabel] = [pick('from', 'From'), pick('to', 'to')]
  const [from, to] = [fromLabel.lastChild, toLabel.lastChild]
  const choose = (a, b) => {
    const [low, high] = [Math.min(a, b), Math.max(a, b)]
    const isWhole = low === 0 && high === months.length - 1
    change({ from: isWhole ? null : months[low], to: isWhole ? null : months[high] })
  }
  const plot = drawBars({ title: 'Articles bought by month', heads: ['Month', 'Articles bought'], labels: months.map(month), values: [...units.values()], choose })
  const whole = h('button', { class: 'btn btn-outline-primary btn-sm', type: 'button', onclick: () => change({ from: null, to: null }) }, 'All months')
  const list = h('div', { 'aria-live': 'polite' })
  const node = card('Purchases', h('div', { class: 'months' }, fromLabel, toLabel, whole, h('small', {}, 'or drag over the bars')), plot.node, list)
  if (purchases.length === MOST) node.firstChild.append(h('p', { class: 'small' }, `The newest ${number(MOST)} purchases, since ${day(purchases.at(-1).t_dat)}.`))

  let range = null
  const follow = params => {
    const [low, high] = [months.includes(params.get('from')) ? params.get('from') : months[0], months.includes(params.get('to')) ? params.get('to') : months.at(-1)]
    if (range === `${low} ${high}`) return
    range = `${low} ${high}`
    from.value = low
    to.value = high
    whole.hidden = low === months[0] && high === months.at(-1)
    plot.show({ from: months.indexOf(low), to: months.indexOf(high) })
    const within = purchases.filter(({ t_dat }) => t_dat.slice(0, 7) >= low && t_dat.slice(0, 7) <= high)
    showRows(list, within)
  }
  return { node, follow }
}

function showRows(list, purchases, all = false) {
  const shown = all ? purchases : purchases.slice(0, FIRST_ROWS)
  const units = purchases.reduce((sum, { quantity }) => sum + (quantity ?? 1), 0)
  const rows = shown.map(one => [day(one.t_dat), h('a', { href: articleAddress(one.article_id) }, one.prod_name ?? one.article_id), number(one.quantity ?? 1), one.price === null ? '' : price(one.price)])
  list.replaceChildren(
    h('p', { class: 'small', id: 'bought' }, `${several(units, 'article')} in ${several(purchases.length, 'purchase')}`),
    purchases.length ? table('Purchases in these months', ['Day', 'Article', 'Units', 'Price'], rows) : empty('No purchases in these months.'))
  if (shown.length < purchases.length) list.append(h('button', { class: 'btn btn-outline-primary btn-sm', type: 'button', onclick: () => showRows(list, purchases, true) }, `Show all ${number(purchases.length)}`))
}
