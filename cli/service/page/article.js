// An article's view: its attributes, sales and availability, similar and related articles, and likely buyers.
import { path, readCards, request } from './api.js'
import { exportButton, listCustomers } from './audience.js'
import { card, day, empty, facts, forPage, h, loading, number, percent, plain, price, refill, score } from './dom.js'
import { check, field, makeForm, select } from './form.js'
import { writeStock } from './lists.js'
import { address, articleAddress, begin } from './place.js'
import { drawBars } from './plots.js'
import { nameAttribute, readable, writeAttribute } from './words.js'

const KINDS = [['complement', 'bought with it, and not similar to it'], ['substitute', 'similar to it'], ['next', 'bought after it'], ['together', 'bought with it']]
const BUYERS = ['12', '50', '200'] // customers of an audience
let shown = null // the article whose view is on the page

export async function showArticle(main, { id, params }, isCurrent) {
  if (shown?.id === id && shown.node.isConnected) return shown.follow(params)
  document.title = `Article ${plain(id)} · hmrec`
  main.replaceChildren(h('h1', {}, 'Article ', h('span', { class: 'id' }, id)), loading('Reading the article'))
  const [article, access] = await Promise.all([request(path('articles', id)), request('/access').catch(() => ({ writes: false }))])
  if (!isCurrent()) return
  const name = article.prod_name ?? id
  document.title = `${plain(name)} · hmrec`
  const related = makeCard('Related articles', 'related', params => ({ kind: params.get('kind'), include_unavailable: params.get('include_unavailable') }),
    asked => request(`${path('articles', id)}/related`, asked), showArticles, 'No related articles.')
  const similar = makeCard('Similar articles', 'similar', params => ({ k: 12, include_unavailable: params.get('include_unavailable') }),
    asked => request(path('similar', id), asked), showArticles, 'Too few customers bought it to find similar articles.')
  const audience = makeCard('Who may buy it next', 'buyers', params => ({ k: params.get('buyers') ?? BUYERS[0], include_buyers: params.get('include_buyers') }),
    asked => request(`${path('articles', id)}/audience`, asked), found => showCustomers(found, id), 'No likely buyers.')
  const forms = [
    makeForm({ id: 'choose-kind', label: 'Which related articles', names: ['kind'], body: select('How they are related', 'kind', KINDS) }),
    makeForm({ id: 'choose-buyers', label: 'Which customers', names: ['buyers'], checks: ['include_buyers'], body: h('div', { class: 'inline' }, select('Customers', 'buyers', BUYERS.map(one => [one, one])), check('Also those who bought it already', 'include_buyers')) }),
    makeForm({ id: 'choose-stock', label: 'Which articles', names: [], checks: ['include_unavailable'], body: check('Also list what is out of stock or not sold', 'include_unavailable') }),
  ]
  related.head.append(forms[0].node)
  audience.head.append(forms[1].node, h('p', { class: 'small' }, h('a', { href: address('audience', null, { article: id }) }, 'Choose segments, another day and more')))
  const node = h('div', {},
    h('div', { class: 'columns profile' },
      card('About it', picture(article), facts(describe(article)), access.writes ? makeStockForm(article) : null, details(article), h('p', { class: 'later' }, h('a', { href: address('cart', null, { article: id }) }, 'What goes with it in a cart?'))),
      card('Sales', tiles(article), ...showWeeks(article))),
    forms[2].node,
    h('div', { class: 'columns more' }, related.node, similar.node),
    audience.node)
  main.replaceChildren(h('h1', {}, name, ' ', h('span', { class: 'id' }, id)), node)
  const follow = async params => {
    for (const form of forms) form.follow(params)
    await Promise.all([related, similar, audience].map(one => one.follow(params)))
  }
  shown = { id, node, follow }
  await follow(params)
}

const picture = ({ image }) => image ? h('img', { class: 'picture', src: image, alt: '' }) : null
const details = ({ attributes }) => attributes.detail_desc ? h('p', { class: 'small' }, attributes.detail_desc) : null

const describe = article => [
  ['Available', article.available ? 'yes' : h('span', { class: 'badge text-bg-secondary' }, 'no')], ['In stock', article.stock === null ? 'not known' : number(article.stock)],
  ['Latest price', article.price === null ? 'not known' : price(article.price)],
  ...readable(article.attributes).filter(([name]) => !['stock', 'available'].includes(name)).map(([name, value]) => [nameAttribute(name), writeAttribute(name, value)]),
]

// A form for the stock, and for whether it is sold at all. Both may be unknown.
function makeStockForm({ article_id, stock, attributes }) {
  const alert = h('p', { role: 'alert', class: 'problem' })
  const form = h('form', { id: 'set-stock', class: 'later', 'aria-label': 'Set the stock' },
    h('div', { class: 'inline' }, field('Pieces in stock', 'stock', { type: 'number', min: '0', step: '1', value: stock ?? '', placeholder: 'not known' }),
      select('Is it sold', 'available', [['', 'not known'], ['true', 'yes'], ['false', 'no']]), h('button', { class: 'btn btn-outline-primary' }, 'Save')), alert)
  form.elements.available.value = attributes.available ?? ''
  form.addEventListener('submit', async event => {
    event.preventDefault()
    alert.textContent = ''
    const given = new FormData(form)
    const value = name => given.get(name) === '' ? null : JSON.parse(given.get(name))
    try {
      await request('/stock', {}, { method: 'POST', body: [{ article_id, stock: value('stock'), available: value('available') }] })
      shown = null
      dispatchEvent(new HashChangeEvent('hashchange'))
    } catch (failure) {
      alert.textContent = failure.message
    }
  })
  return form
}

const tiles = article => h('dl', { class: 'tiles small' }, [
  ['Units sold', number(article.purchases)], ['Buyers', number(article.buyers)], ['Buyers in the last 28 days', number(article.buyers_lately)],
  ['Bought it again', percent(article.repeat_share)], ['First sold', day(article.first)], ['Last sold', day(article.last)],
].map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))))

function showWeeks({ weeks }) {
  if (!weeks.some(one => one.purchases)) return [empty('It was not sold in the last year.')]
  const title = `Units sold by week, the last ${weeks.length} weeks`
  return [h('h3', {}, title), drawBars({ title, heads: ['Week of', 'Units sold'], labels: weeks.map(one => day(one.week)), values: weeks.map(one => one.purchases) }).node]
}

// A card that is filled by a request of its own, again whenever what it asks for changes.
function makeCard(title, id, choose, ask, show, nothing) {
  const head = h('div', {})
  const body = h('div', { id, 'aria-busy': 'true' })
  let asked = null
  const follow = async params => {
    const wanted = choose(params)
    if (asked === JSON.stringify(wanted)) return
    asked = JSON.stringify(wanted)
    await refill(body, async () => show(await ask(wanted), nothing), {
      what: 'Loading', isCurrent: begin(id), fail: (message, { status }) => empty(status === 409 ? nothing : message),
    })
  }
  return { node: card(title, head, body), head, follow }
}

async function showArticles({ articles, note }, nothing) {
  const said = note ? [h('p', { class: 'small' }, forPage(note))] : []
  if (!articles.length) return [...said, empty(nothing)]
  const cards = await readCards(articles.map(one => one.article_id))
  return [...said, h('ul', { class: 'rows' }, articles.map(one => {
    const known = cards.get(one.article_id) ?? {}
    const words = [known.colour, known.department, writeStock(known), one.because, `score ${score(one.score)}`].filter(Boolean).join(' · ')
    return h('li', { 'data-article': one.article_id }, h('a', { href: articleAddress(one.article_id) }, one.prod_name ?? one.article_id),
      known.available === false ? h('span', { class: 'badge text-bg-secondary' }, 'not available') : null, h('small', {}, words))
  }))]
}

function showCustomers({ customers, note }, id) {
  const said = note ? [h('p', { class: 'note' }, forPage(note))] : []
  if (!customers.length) return [...said, empty('No customer is likely to buy it.')]
  return [...said, h('div', { class: 'top' }, h('p', { class: 'small' }, 'The most likely first. Scores are comparable only within this list.'), exportButton(customers, [id])), h('div', { class: 'tall' }, listCustomers(customers))]
}
