// Search for customers and articles while the user types, and a view of all matches.
import { request } from './api.js'
import { card, empty, h, loading, number, plain, several, shortId, table } from './dom.js'
import { address, articleAddress, begin, customerAddress } from './place.js'

async function find(query, k) {
  const [customers, byId, byName] = await Promise.all([
    request('/customers', { start: query, k }), request('/articles', { start: query, k }), request('/articles', { name: query, k }),
  ])
  const articles = new Map([...byId.articles, ...byName.articles].map(one => [one.article_id, one]))
  return { customers: customers.customers, articles: [...articles.values()].slice(0, k) }
}

const describe = ({ colour, department }) => [colour, department].filter(Boolean).join(' · ')

// Let the input show matches while typing; arrow keys choose one, Enter opens it.
export function watchSearch(fail) {
  const [form, input, list] = ['search', 'query', 'found'].map(id => document.getElementById(id))
  let typing = null
  let chosen = -1
  const options = () => [...list.querySelectorAll('[role=option]')]

  const close = () => {
    list.hidden = true
    input.setAttribute('aria-expanded', 'false')
    input.removeAttribute('aria-activedescendant')
    chosen = -1
  }
  const open = target => {
    clearTimeout(typing)
    begin('suggestions')
    close()
    input.value = ''
    location.hash = target
    input.blur()
  }
  const choose = place => {
    const all = options()
    chosen = all.length ? (place + all.length) % all.length : -1
    all.forEach((option, number) => option.setAttribute('aria-selected', String(number === chosen)))
    if (chosen < 0) return
    input.setAttribute('aria-activedescendant', all[chosen].id)
    all[chosen].scrollIntoView({ block: 'nearest' })
  }
  const group = (name, items) => items.length ? [h('li', { role: 'group', 'aria-label': name }, h('div', { class: 'group', 'aria-hidden': 'true' }, name), items)] : []
  const option = (target, id, ...children) => {
    const made = h('div', { role: 'option', id, 'aria-selected': 'false', 'data-target': target }, children)
    made.addEventListener('mousedown', event => { event.preventDefault(); open(target) })
    return made
  }

  async function suggest() {
    const query = input.value.trim()
    const isCurrent = begin('suggestions')
    if (!query) return close()
    const { customers, articles } = await find(query, 6)
    if (!isCurrent()) return
    list.replaceChildren(
      ...group('Customers', customers.map((one, place) => option(customerAddress(one.customer_id), `option-c${place}`, h('span', {}, shortId(one.customer_id)), h('small', {}, several(one.bought, 'purchase'))))),
      ...group('Articles', articles.map((one, place) => option(articleAddress(one.article_id), `option-a${place}`, h('span', {}, one.prod_name ?? one.article_id), h('small', {}, describe(one) || one.article_id)))),
    )
    chosen = -1
    if (!list.children.length) list.append(h('li', { role: 'option', 'aria-disabled': 'true', 'aria-selected': 'false', id: 'option-none' }, 'No customer and no article matches.'))
    list.hidden = false
    input.setAttribute('aria-expanded', 'true')
  }

  input.addEventListener('input', () => {
    clearTimeout(typing)
    typing = setTimeout(() => suggest().catch(fail), 150)
  })
  input.addEventListener('keydown', event => {
    if (event.key === 'Escape') close()
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      if (!list.hidden) choose(event.key === 'ArrowDown' ? chosen + 1 : chosen < 0 ? -1 : chosen - 1)
    }
  })
  input.addEventListener('blur', close)
  form.addEventListener('submit', event => {
    event.preventDefault()
    const target = options()[chosen]?.dataset.target
    const query = input.value.trim()
    if (target || query) open(target ?? address('search', null, { q: query }))
  })
}

export async function showMatches(main, { params }, isCurrent) {
  const query = params.get('q') ?? ''
  document.title = `${plain(query)} · hmrec`
  main.replaceChildren(h('h1', {}, `Matches for “${query}”`), loading('Searching'))
  const { customers, articles } = await find(query, 50)
  if (!isCurrent()) return
  main.lastChild.replaceWith(h('div', { class: 'columns' },
    card('Customers', customers.length
      ? table('Customers whose ids begin with it', ['Customer', 'Purchases'], customers.map(one => [h('a', { href: customerAddress(one.customer_id) }, shortId(one.customer_id)), number(one.bought)]))
      : empty('No customer’s id begins with it.')),
    card('Articles', articles.length
      ? table('Articles whose ids begin with it, or whose names contain it', ['Article', 'Colour', 'Department'], articles.map(one => [h('a', { href: articleAddress(one.article_id) }, one.prod_name ?? one.article_id), one.colour ?? '', one.department ?? '']))
      : empty('No article’s id begins with it, and no name contains it.'))))
}
