// The start view: the shop's figures, its weeks, the model in force, customers to try, and the state of the service.
import { forgetShop, readShop, request } from './api.js'
import { card, day, empty, facts, h, loading, number, several, shortId } from './dom.js'
import { customerAddress } from './place.js'
import { drawBars } from './plots.js'
import { EXAMPLES } from './words.js'

const WAYS = { trees: 'by the ranker’s trees', blend: 'by the places in the sources’ lists' }

export async function showShop(main, place, isCurrent) {
  document.title = 'hmrec'
  forgetShop()
  main.replaceChildren(h('h1', {}, 'The shop'), loading())
  const shop = await readShop()
  if (!isCurrent()) return
  const weeks = card('Articles bought by week', loading('Counting purchases'))
  const health = card('Health', loading())
  main.lastChild.replaceWith(h('div', {},
    h('dl', { class: 'tiles' }, [
      ['Customers', number(shop.customers)], ['Articles', number(shop.articles)], ['Purchases', number(shop.purchases)],
      ['First purchase', day(shop.first)], ['Last purchase', day(shop.last)],
    ].map(([name, value]) => h('div', { class: 'card' }, h('dt', {}, name), h('dd', {}, value)))),
    weeks,
    h('div', { class: 'columns three' }, card('Try a customer', examples(shop.examples)), card('Model in force', ...model(shop.model)), health)))
  await Promise.all([fill(weeks, isCurrent, showWeeks), fill(health, isCurrent, showHealth)])
}

// Replace a card's placeholder by its contents, or by the error.
async function fill(section, isCurrent, make) {
  const body = section.querySelector('.loading')
  try {
    const made = await make()
    if (isCurrent()) body.replaceWith(made)
  } catch (failure) {
    if (failure.status === 401) throw failure
    body.replaceWith(empty(failure.message))
  }
}

async function showWeeks() {
  const { weeks } = await request('/shop/weeks')
  if (!weeks.length) return empty('No purchases yet.')
  return drawBars({ title: 'Articles bought by week', heads: ['Week of', 'Articles bought'], labels: weeks.map(one => day(one.week)), values: weeks.map(one => one.purchases) }).node
}

async function showHealth() {
  const health = await request('/health')
  return facts([
    ['Service', health.status], ['hmrec', health.version], ['Neo4j', health.neo4j],
    ['Newest load', health.loading ? 'is running' : health.load ? 'complete' : 'none'], ['Model', health.model ?? 'none'],
  ])
}

const examples = customers => customers.length
  ? h('ul', { class: 'examples' }, customers.map(({ kind, customer_id, bought }) => h('li', {}, h('a', { href: customerAddress(customer_id), 'data-kind': kind },
    EXAMPLES[kind] ?? kind), h('small', {}, `${shortId(customer_id)} · ${several(bought, 'purchase')}`))))
  : empty('There are no customers yet.')

function model(found) {
  if (!found) return [empty('No model is trained yet. Lists come from what customers have in common.')]
  const quality = [['all articles', found.validation_map_all], ['new articles', found.validation_map_new]]
  return [
    facts([
      ['Version', `${found.version} (${found.name})`], ['Trained', day(found.created)], ['Knows purchases before', day(found.until)],
      ['Purchases', number(found.purchases)],
      ...quality.filter(([, value]) => value !== undefined).map(([name, value]) => [`MAP@12 on weeks held out, ${name}`, value.toFixed(4)]),
      ...(found.ranker_all ? [['Lists are ordered', WAYS[found.ranker_all] ?? `as ${found.ranker_all.replaceAll('_', ' ')} orders them`]] : []),
    ]),
    ...(found.ranker_all_why ? [h('details', {}, h('summary', {}, 'Why this order'), h('p', { class: 'small' }, found.ranker_all_why))] : []),
  ]
}
