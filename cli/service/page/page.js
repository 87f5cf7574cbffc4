// The page of hmrec serve: it calls the service's API and shows the answers. Text from the graph is inserted as text, never as HTML.
const at = id => document.getElementById(id)
const FIELDS = ['k', 'as_of', 'department', 'colour', 'max_price', 'in_season', 'where']
const COLOURS = { customer: '#2f6db5', neighbour: '#6f9fd0', article: '#e0632b', shared: '#f0a97f' }
let customer = null // the customer whose recommendations are shown
let drawn = null // the drawing of the explanation

// Show control characters, and those that change the direction of writing, as question marks.
const plain = value => String(value ?? '').replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?')

function element(name, text = '', className = '') {
  const made = document.createElement(name)
  made.textContent = plain(text)
  made.className = className
  return made
}

class Failure extends Error {
  constructor(status, { error, hint }) {
    super([error, hint].filter(Boolean).join(' '))
    this.status = status
  }
}

async function request(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== '' && value !== false)
  const token = sessionStorage.getItem('token')
  const headers = token ? { Authorization: `Bearer ${token}` } : {}
  const answer = await fetch(`${path}?${new URLSearchParams(given)}`, { headers }).catch(() => {
    throw new Failure(0, { error: 'The service does not respond.', hint: 'Is hmrec serve still running?' })
  })
  const body = await answer.json()
  if (!answer.ok) throw new Failure(answer.status, body)
  return body
}

const path = (...parts) => '/' + parts.map(encodeURIComponent).join('/')

// Show the error, and the token's form if the token is missing or wrong.
function showFailure(failure) {
  at('login').hidden = failure.status !== 401
  at('failure').textContent = plain(failure.message)
  at('failure').hidden = false
  if (!(failure instanceof Failure)) throw failure
}

// Run a user's action; show the error if it fails.
function run(action) {
  at('failure').hidden = true
  return action().catch(showFailure)
}

// Begin a request of a kind; returns whether it is still the newest one, as only the newest one's answer is shown.
const newest = {}
function beginRequest(kind) {
  const mine = newest[kind] = (newest[kind] ?? 0) + 1
  return () => newest[kind] === mine
}

async function suggestCustomers() {
  const { customers } = await request('/customers', { start: at('customer').value, k: 20 })
  at('found').replaceChildren(...customers.map(({ customer_id, bought }) => {
    const option = element('option', `${bought} purchases`)
    option.value = customer_id
    return option
  }))
}

async function showCustomer(customer_id) {
  for (const id of ['profile', 'recommendations', 'explanation']) at(id).hidden = true
  at('welcome').hidden = true
  const isCurrent = beginRequest('customer')
  const profile = await request(path('customers', customer_id), { k: 5000 })
  if (!isCurrent()) return
  customer = customer_id
  at('customer').value = customer_id
  at('name').textContent = `Customer ${plain(customer_id)}`
  const facts = { ...profile.attributes, bought: profile.bought, 'different articles': profile.articles }
  at('attributes').replaceChildren(...Object.entries(facts).filter(([, value]) => value !== null).map(([name, value]) => {
    const row = element('div')
    row.append(element('dt', name), element('dd', value))
    return row
  }))
  showTimeline(profile.purchases)
  at('profile').hidden = false
  await showLists()
}

// Draw a bar for each day with purchases: its position is the date, its height the number of purchases.
function showTimeline(purchases) {
  const days = Map.groupBy(purchases, purchase => purchase.t_dat)
  const times = [...days.keys()].map(Date.parse)
  const first = Math.min(...times), span = Math.max(...times) - first || 1
  const most = Math.max(...[...days.values()].map(bought => bought.length))
  const bars = [...days].map(([day, bought]) => {
    const bar = element('button')
    bar.style.height = `${8 + 52 * bought.length / most}px`
    bar.title = `${day}: ${bought.length}`
    bar.setAttribute('aria-label', `${day}, ${bought.length} articles`)
    bar.onclick = () => showDay(bar, day, bought)
    const place = element('li')
    place.style.left = `${100 * (Date.parse(day) - first) / span}%`
    place.append(bar)
    return place
  })
  at('timeline').replaceChildren(...bars.reverse()) // oldest first, the order of the Tab key
  at('first').textContent = [...days.keys()].at(-1) ?? 'none'
  at('last').textContent = [...days.keys()][0] ?? ''
  at('day').replaceChildren()
  bars.at(-1)?.firstChild.click()
}

function showDay(bar, day, bought) {
  for (const other of at('timeline').querySelectorAll('button')) other.ariaPressed = String(other === bar)
  const list = element('ul')
  list.append(...bought.map(({ prod_name, article_id, price, quantity }) => {
    const item = element('li', prod_name ?? article_id)
    const cost = price === null ? '' : ` for ${Number(price.toPrecision(4))}`
    item.append(element('span', `${quantity > 1 ? ` × ${quantity}` : ''}${cost}`, 'small'))
    return item
  }))
  at('day').replaceChildren(element('strong', day), list)
}

async function showLists() {
  at('recommendations').hidden = false
  at('explanation').hidden = true
  at('two').hidden = !at('compare').checked
  const shown = [at('one'), at('two')].filter(list => !list.hidden)
  updateAddress()
  const isCurrent = beginRequest('lists')
  const lists = await Promise.all(shown.map(list => fillList(list, isCurrent)))
  if (!isCurrent()) return
  const ids = lists.map(list => new Set(list))
  const both = ids.length === 2 ? ids[0].intersection(ids[1]) : new Set()
  for (const item of document.querySelectorAll('.list li')) item.classList.toggle('both', both.has(item.dataset.article))
  at('overlap').hidden = ids.length < 2
  at('overlap').textContent = `In both lists: ${both.size} of ${Math.max(...lists.map(list => list.length))}.`
}

// Show the recommendations of one method; returns the articles' ids.
async function fillList(list, isCurrent) {
  const [select, note, rows] = ['select', '.note', 'ol'].map(name => list.querySelector(name))
  const options = Object.fromEntries(FIELDS.map(id => [id, at(id).value]))
  list.classList.add('busy')
  rows.replaceChildren()
  note.textContent = ''
  try {
    const found = await request(path('recommend', customer), { ...options, method: select.value, new_only: at('new_only').checked, include_unavailable: at('include_unavailable').checked })
    if (!isCurrent()) return []
    note.textContent = found.articles.length ? plain(found.note) : 'This method has no recommendations for this customer.'
    rows.replaceChildren(...found.articles.map(showArticle))
    return found.articles.map(article => article.article_id)
  } catch (failure) {
    if (!isCurrent()) return []
    note.textContent = plain(failure.message)
    if (failure.status === 401 || !(failure instanceof Failure)) throw failure
    return []
  } finally {
    if (isCurrent()) list.classList.remove('busy')
  }
}

function showArticle({ article_id, prod_name, score, because }) {
  const item = element('li')
  const why = element('button', 'why?')
  why.onclick = () => run(() => showExplanation(article_id, prod_name))
  item.dataset.article = article_id
  item.append(why, element('span', prod_name ?? article_id, 'name'), ' ', element('span', `${article_id} · ${score.toPrecision(4)}`, 'small'))
  item.append(element('div', because, 'small'))
  return item
}

async function showExplanation(article_id, prod_name) {
  const isCurrent = beginRequest('explanation')
  const found = await request(path('explain', customer, article_id), { as_of: at('as_of').value, new_only: at('new_only').checked })
  if (!isCurrent()) return
  for (const item of document.querySelectorAll('.list li')) item.classList.toggle('chosen', item.dataset.article === article_id)
  at('article').textContent = plain(prod_name ?? article_id)
  const parts = found.parts.length
  at('score').textContent = parts
    ? `Its score by collaborative filtering is ${found.score.toPrecision(4)}, the sum of ${parts} part${parts > 1 ? 's' : ''}:`
    : 'Neither the customer nor any neighbour bought it, so collaborative filtering gives it no score.'
  at('parts').replaceChildren(...found.parts.slice(0, 20).map(({ part, because, similarity, weight }) => {
    const item = element('li', `${part.toPrecision(4)}  ${because} `)
    item.append(element('span', `(similarity ${similarity.toPrecision(4)} × weight ${weight.toPrecision(4)})`, 'small'))
    return item
  }))
  at('explanation').hidden = false
  at('drawing').hidden = !parts
  if (parts) draw(found.drawing)
  at('explanation').scrollIntoView({ behavior: 'smooth' })
}

// Draw the explanation from left to right: the customer, the shared articles, the neighbours, the article.
function draw({ nodes, edges }) {
  const columns = Map.groupBy(nodes, node => node.kind)
  const { clientWidth: width, clientHeight: height } = at('drawing')
  const place = node => {
    const column = columns.get(node.data('kind')).findIndex(other => other.id === node.id())
    const across = { customer: 0, shared: 1, neighbour: 2, article: 3 }[node.data('kind')]
    return { x: width * (across + 0.5) / 4, y: height * (column + 0.5) / columns.get(node.data('kind')).length }
  }
  const most = Math.max(...edges.map(edge => edge.part))
  const [start, end] = ['customer', 'article'].map(kind => columns.get(kind)[0])
  drawn?.destroy()
  drawn = cytoscape({
    container: at('drawing'),
    elements: [
      ...nodes.map(({ id, kind, name }) => ({ data: { id, kind, name: shorten(plain(name)), colour: COLOURS[kind] } })),
      ...edges.map(({ source, target, part }) => ({ data: { source, target, width: 1 + 6 * Math.sqrt(part / most), own: source === start.id && target === end.id } })),
    ],
    layout: { name: 'preset', positions: place, padding: 30 },
    style: [
      { selector: 'node', style: { label: 'data(name)', 'background-color': 'data(colour)', width: 20, height: 20, 'font-size': 11, 'text-valign': 'bottom', 'text-margin-y': 2 } },
      { selector: 'edge', style: { width: 'data(width)', 'line-color': '#b9c0c8', 'target-arrow-color': '#b9c0c8', 'target-arrow-shape': 'triangle', 'curve-style': 'straight', opacity: 0.8 } },
      { selector: 'edge[?own]', style: { 'curve-style': 'unbundled-bezier', 'control-point-distances': height * 0.8, 'control-point-weights': 0.5 } }, // a curve around the other nodes
    ],
    minZoom: 0.2, maxZoom: 4,
  })
}

const shorten = text => text.length > 26 ? `${text.slice(0, 25)}…` : text

// Put what the page shows into its address, so that it can be shared.
function updateAddress() {
  const place = new URLSearchParams({ customer, method: at('one').querySelector('select').value })
  if (at('compare').checked) place.set('compare', at('two').querySelector('select').value)
  history.replaceState(null, '', `#${place}`)
}

async function listMethods() {
  const { paths } = await request('/openapi.json')
  const methods = paths['/recommend/{customer_id}'].get.parameters.find(one => one.name === 'method').schema.enum
  const place = new URLSearchParams(location.hash.slice(1))
  const wanted = { one: place.get('method') ?? 'auto', two: place.get('compare') ?? 'popular' }
  for (const [id, method] of Object.entries(wanted)) {
    const select = at(id).querySelector('select')
    select.replaceChildren(...methods.map(name => element('option', name)))
    if (methods.includes(method)) select.value = method
    select.onchange = () => run(showLists)
  }
  at('compare').checked = place.has('compare')
  await suggestCustomers()
  if (place.get('customer')) await showCustomer(place.get('customer'))
}

let typing
at('customer').oninput = () => {
  clearTimeout(typing)
  typing = setTimeout(() => suggestCustomers().catch(showFailure), 150)
}
at('search').onsubmit = event => {
  event.preventDefault()
  run(() => showCustomer(at('customer').value.trim()))
}
at('options').onsubmit = event => event.preventDefault()
at('options').onchange = () => at('options').reportValidity() && run(showLists)
at('login').onsubmit = event => {
  event.preventDefault()
  sessionStorage.setItem('token', at('token').value)
  at('login').hidden = true
  run(listMethods)
}
run(listMethods)
