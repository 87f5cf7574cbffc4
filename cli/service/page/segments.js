// Segments of customers: all of them with what distinguishes them; one of them with its customers and lists for some.
import { path, readCards, request } from './api.js'
import { card, day, empty, facts, forPage, h, loading, number, percent, plain, refill, sheet, shortId, table } from './dom.js'
import { address, articleAddress, customerAddress, change } from './place.js'

const FIRST = 20 // customers
const MOST = 1000
const LISTS = 3 // customers whose lists are shown
const LENGTH = 6 // articles of such a list
const segmentAddress = name => address('segments', name)

export async function showSegments(main, { id, params }, isCurrent) {
  if (id !== null) return showSegment(main, id, params, isCurrent)
  document.title = 'Segments · hmrec'
  main.replaceChildren(h('h1', {}, 'Segments of customers'), loading('Reading the segments'))
  const { segments } = await request('/segments')
  if (!isCurrent()) return
  main.lastChild.replaceWith(card('Customers grouped by taste', ...(segments.length
    ? [h('p', { class: 'small' }, 'A segment is a group of customers with a similar taste. Its name is the department that distinguishes it most.'),
        sheet('Segments', ['Segment', 'Customers', 'Share', 'What its customers buy more often than others'], segments.map(one => [
          h('a', { href: segmentAddress(one.name) }, one.name), number(one.customers), percent(one.share), listTraits(one.traits)]))]
    : [empty('There are no segments yet. This command makes them:'), h('div', { class: 'shell' }, h('code', {}, 'hmrec segments --write'))])))
}

const listTraits = traits => traits.length ? h('ul', { class: 'traits' }, traits.map(one => h('li', {}, one))) : 'nothing in particular'
const GROUPED = { embeddings: 'the trained model’s embeddings', departments: 'the departments they buy from' }

let shown = null // the segment whose view is on the page

async function showSegment(main, name, params, isCurrent) {
  if (shown?.name === name && shown.node.isConnected) return shown.follow(params)
  document.title = `${plain(name)} · hmrec`
  main.replaceChildren(h('h1', {}, 'Segment ', name), loading('Reading the segment'))
  const one = await request(path('segments', name))
  if (!isCurrent()) return
  const customers = h('div', {}, loading('Reading customers'))
  const lists = h('div', {}, loading('Reading customers'))
  const node = h('div', {},
    h('div', { class: 'columns profile' },
      card('About it', facts([
        ['Customers', number(one.customers)], ['Share of all customers in a segment', percent(one.share)],
        ['Mean age', one.mean_age === null ? 'not known' : number(one.mean_age)], ['Grouped by', GROUPED[one.grouped_by] ?? one.grouped_by], ['Made', day(one.created)]]),
      h('h3', { class: 'later' }, 'Bought more often than by others'), listTraits(one.traits),
      h('p', { class: 'later' }, h('a', { href: address('audience', null, { segment: name }) }, 'Which of them may buy an article?'))),
      card('Its customers', customers)),
    card('Recommended to some of them', lists))
  main.lastChild.replaceWith(node)
  const rows = { k: 0 }
  const follow = params => refill(customers, () => showCustomers(name, one.customers, params, rows), { isCurrent })
  shown = { name, node, follow }
  await Promise.all([follow(params), showLists(name, lists, isCurrent)])
}

async function showCustomers(name, size, params, rows) {
  const k = Math.min(Math.max(Math.trunc(Number(params.get('k'))) || FIRST, 1), MOST)
  if (rows.k === k) return null
  const { customers } = await request(path('segments', name, 'customers'), { k })
  rows.k = k
  if (!customers.length) return [empty('No customer is in this segment now.')]
  const more = Math.min(5 * k, size, MOST)
  return [
    h('p', { class: 'small' }, `The ${number(customers.length)} with the most purchases.`),
    table('Customers of the segment', ['Customer', 'Purchases'], customers.map(one => [h('a', { href: customerAddress(one.customer_id) }, shortId(one.customer_id)), number(one.bought)])),
    customers.length === k && more > k ? h('button', { class: 'btn btn-outline-primary btn-sm later', type: 'button', onclick: () => change({ k: more }) }, `Show ${number(more)}`) : null,
  ].filter(Boolean)
}

// The lists of the first customers, one after the other, as each customer's own page shows them by default.
async function showLists(name, list, isCurrent) {
  const boxes = []
  await refill(list, async () => {
    const { customers } = await request(path('segments', name, 'customers'), { k: LISTS })
    boxes.push(...customers.map(one => [one.customer_id, h('div', {}, loading('Recommending'))]))
    return [customers.length ? h('div', { class: 'columns three' }, boxes.map(([customer, box]) => h('div', { class: 'short-list' },
      h('h3', {}, h('a', { href: customerAddress(customer) }, `Customer ${shortId(customer)}`)), box))) : empty('No customer is in this segment now.')]
  }, { isCurrent })
  for (const [customer, box] of boxes) {
    if (!isCurrent()) return
    await refill(box, () => listFor(customer), { isCurrent })
  }
}

async function listFor(customer) {
  const { articles, note } = await request(path('recommend', customer), { k: LENGTH, log: 'false' })
  const cards = await readCards(articles.map(one => one.article_id))
  return [
    ...(note ? [h('p', { class: 'small' }, forPage(note))] : []),
    articles.length
      ? h('ol', { class: 'rows one' }, articles.map(one => h('li', { 'data-article': one.article_id }, h('a', { href: articleAddress(one.article_id) }, one.prod_name ?? one.article_id),
        h('small', {}, [cards.get(one.article_id)?.department, one.because].filter(Boolean).join(' · ')))))
      : empty('Nothing to recommend.')]
}
