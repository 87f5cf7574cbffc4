// Recommendations for a customer or a cart as cards; two methods side by side with what moved; a list as CSV.
import { path, readCards, request } from './api.js'
import { saveCsv } from './csv.js'
import { empty, forPage, h, loading, number, price, score, warning } from './dom.js'
import { makeOptions, readOptions, SEVERAL } from './options.js'
import { articleAddress, begin, change } from './place.js'
import { makeWhy } from './why.js'

// A cart of articles is in the address; without one, the lists are the customer's.
export async function makeLists({ customer = null, isCart = false, title = 'Recommendations' }) {
  const options = await makeOptions({ isCart })
  const place = h('div', { class: 'lists' })
  const overlap = h('p', { id: 'overlap', role: 'status' })
  const why = makeWhy()
  const node = h('section', { class: 'card', 'aria-labelledby': 'recommendations' }, h('div', { class: 'card-body' },
    h('h2', { id: 'recommendations' }, title), options.node, overlap, place, why.node))
  let shown = null // the request whose lists are on the page
  let lists = []

  const follow = async params => {
    options.follow(params)
    const methods = [params.get('method') ?? 'auto', ...(params.has('compare') && !isCart ? [params.get('compare')] : [])]
    const subject = isCart ? { articles: params.getAll('article'), customer: params.get('customer') } : { articles: [], customer }
    const wanted = JSON.stringify([subject, String(readOptions(params)), methods])
    if (wanted !== shown) {
      shown = wanted
      const isCurrent = begin('lists')
      overlap.textContent = ''
      place.replaceChildren(...methods.map((method, number) => h('div', { class: 'list', id: number ? 'two' : 'one', 'aria-busy': 'true' }, loading('Recommending'))))
      lists = await Promise.all(methods.map(method => readList(subject, method, params)))
      if (!isCurrent()) return
      const moves = lists.length > 1 ? compare(lists, overlap) : []
      place.classList.toggle('compared', lists.length > 1)
      place.replaceChildren(...lists.map((list, number) => showList(list, number, moves[number])))
    }
    await why.follow(params, lists)
  }
  return { node, follow }
}

// Return a list with what cards show of its articles; or what failed, in a sentence.
async function readList({ articles, customer }, method, params) {
  const options = readOptions(params, customer !== null)
  try {
    const asked = method === 'stored' ? ['stored', 'true'] : ['method', method]
    const found = articles.length
      ? await askForCart(articles, customer, method, options)
      : await request(path('recommend', customer), new URLSearchParams([asked, ['log', 'false'], ...options]))
    const cards = await readCards(found.articles.map(one => one.article_id))
    const rows = found.articles.map((one, place) => ({ ...cards.get(one.article_id), ...one, place: place + 1, method: found.scored_by[place] }))
    return { customer, articles, method: found.method === 'cart' ? 'cart' : method, options, note: found.note, rows }
  } catch (failure) {
    if (failure.status === 401) throw failure
    return { customer, articles, method, options, note: '', rows: [], failure: failure.message }
  }
}

function askForCart(articles, customer, method, options) {
  const body = { articles, log: false, ...(customer === null ? {} : { customer_id: customer, method }) }
  for (const name of new Set(options.keys())) body[name] = SEVERAL.includes(name) ? options.getAll(name) : options.get(name)
  return request('/recommend', {}, { method: 'POST', body })
}

// Say what two lists share, and return for each how its articles stand in the other one.
function compare([one, two], overlap) {
  const places = [one, two].map(list => new Map(list.rows.map(row => [row.article_id, row.place])))
  const both = one.rows.filter(row => places[1].has(row.article_id)).length
  const moved = one.rows.filter(row => places[1].has(row.article_id) && places[1].get(row.article_id) !== row.place).length
  overlap.textContent = `In both lists: ${both} of ${Math.max(one.rows.length, two.rows.length)}; ${moved} of them at another place.`
  return [places[1], places[0]]
}

function writeMove(row, others) {
  const there = others.get(row.article_id)
  if (there === undefined) return h('span', { class: 'move only' }, 'only here')
  const by = there - row.place
  const text = by === 0 ? 'same place' : by > 0 ? `▲ ${by} higher here` : `▼ ${-by} lower here`
  return h('span', { class: 'move' }, `${text} (${there} there)`)
}

// The method's name; for one that chooses, also the methods that it chose.
function nameList({ method, rows }) {
  const chosen = [...new Set(rows.map(row => row.method))].filter(name => name !== method)
  return [method, ...(chosen.length ? [`by ${chosen.join(' and ')}`] : [])].join(', ').replaceAll('_', ' ')
}

function showList(list, place, others) {
  const filled = list.rows.length > 0
  const save = h('button', { class: 'btn btn-outline-primary btn-sm', type: 'button', onclick: () => saveCsv(list) }, 'Export CSV')
  return h('div', { class: 'list', id: place ? 'two' : 'one', 'aria-busy': 'false' },
    h('div', { class: 'top' }, h('h3', {}, nameList(list)), filled ? save : null),
    list.note ? h('p', { class: 'note' }, forPage(list.note)) : null,
    list.failure ? warning(list.failure) : null,
    filled ? h('ol', { class: 'cards' }, list.rows.map(row => showCard(row, place, others))) : list.failure ? null : empty(list.articles.length ? 'Nothing goes with this cart under these conditions.' : 'This method has nothing to recommend to this customer with these filters.'))
}

export const writeStock = ({ stock }) => stock === null || stock === undefined ? null : `${number(stock)} in stock`

function showCard(row, list, others) {
  const name = row.prod_name ?? row.article_id
  const meta = [row.colour, row.department, writeStock(row)].filter(Boolean).join(' · ')
  const isOut = row.available === false
  return h('li', { class: 'item', 'data-article': row.article_id },
    row.image ? h('img', { src: row.image, alt: '', loading: 'lazy' }) : null,
    h('div', { class: 'body' },
      h('div', { class: 'top' }, h('span', { class: 'place' }, row.place), h('a', { class: 'name', href: articleAddress(row.article_id) }, name), row.price === null || row.price === undefined ? null : h('span', { class: 'price' }, price(row.price))),
      meta ? h('p', { class: 'meta' }, meta) : null,
      h('p', { class: 'because' }, row.because),
      h('div', { class: 'bottom' },
        h('span', { class: 'score', title: 'Scores are comparable only within one method' }, row.score === null ? 'placed by a rule' : `score ${score(row.score)}`),
        isOut ? h('span', { class: 'badge text-bg-secondary' }, 'not available') : null,
        others ? writeMove(row, others) : null,
        h('button', { class: 'btn btn-link btn-sm', type: 'button', 'aria-haspopup': 'dialog', 'aria-label': `Why ${name}?`, onclick: () => change({ why: row.article_id, of: list ? 'two' : null }) }, 'Why?'))))
}
