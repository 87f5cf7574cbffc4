// Inputs that several views share. They show what the address says, and change the address.
import { readCards, readShop, request } from './api.js'
import { h, plain, several as count, shortId } from './dom.js'
import { change } from './place.js'

// What an input proposes, as pairs of a value and what is said about it: a list that is read once, or a search.
const values = name => async () => (await request(`/values/${name}`, { k: 1000 })).values.map(({ value, articles }) => [value, count(articles, 'article')])
const LISTS = {
  department: values('department'), colour: values('colour'),
  method: async () => (await readShop()).methods.filter(({ name }) => name !== 'auto').map(({ name, doc }) => [name, doc]),
  segment: async () => (await request('/segments')).segments.map(({ name, customers }) => [name, count(customers, 'customer')]),
}
const SEARCHES = {
  article: async text => {
    const [byId, byName] = await Promise.all([request('/articles', { start: text, k: 8 }), request('/articles', { name: text, k: 8 })])
    const found = new Map([...byId.articles, ...byName.articles].map(one => [one.article_id, one]))
    return [...found.values()].map(one => [one.article_id, [one.prod_name, one.colour, one.department].filter(Boolean).join(' · ')])
  },
  customer: async text => (await request('/customers', { start: text, k: 8 })).customers.map(({ customer_id, bought }) => [customer_id, count(bought, 'purchase')]),
}
let lists = 0

// Let an input propose values while you type; returns the list to put beside it.
function propose(input, kind) {
  const list = h('datalist', { id: `proposed-${lists++}` })
  input.setAttribute('list', list.id)
  const show = pairs => list.replaceChildren(...pairs.map(([value, text]) => h('option', { value }, plain(text))))
  const read = (...given) => (LISTS[kind] ?? SEARCHES[kind])(...given).then(show, () => {}) // one can still type
  let typing = null
  if (LISTS[kind]) input.addEventListener('focus', () => read(), { once: true })
  else input.addEventListener('input', () => {
    clearTimeout(typing)
    typing = setTimeout(() => input.value.trim() && read(input.value.trim()), 200)
  })
  return list
}

export function field(title, name, properties = {}, { hint = '', kind = null, area = '' } = {}) {
  const input = h('input', { class: 'form-control', name, autocomplete: 'off', ...properties })
  return h('label', { class: area }, h('span', {}, title), input, kind ? propose(input, kind) : null, hint ? h('small', {}, hint) : null)
}

export const check = (title, name) => h('label', { class: 'check' }, h('input', { class: 'form-check-input', type: 'checkbox', name }), ` ${title}`)

export const select = (title, name, pairs, area = '') => h('label', { class: area }, h('span', {}, title),
  h('select', { class: 'form-select', name }, pairs.map(([value, text]) => h('option', { value }, text))))

// An input for several values: each is a button that removes it. `clear` are other parameters that a change removes.
export function several(title, name, kind, { placeholder = kind in LISTS ? 'choose one, or type' : 'an id or a name', clear = {} } = {}) {
  const chips = h('span', { class: 'chips' })
  const input = h('input', { class: 'form-control', 'data-several': name, autocomplete: 'off', placeholder })
  let values = []
  const show = given => {
    if (values.join('\n') === given.join('\n') && chips.children.length === given.length) return
    values = given
    chips.replaceChildren(...values.map(value => h('button', {
      class: 'btn btn-sm btn-secondary', type: 'button', 'aria-label': `Remove ${value}`, onclick: () => change({ [name]: values.filter(other => other !== value), ...clear }),
    }, h('span', {}, shortId(value)), h('span', { 'aria-hidden': 'true' }, ' ×'))))
    if (kind === 'article' && given.length) nameChips(chips, given)
  }
  input.addEventListener('change', event => {
    event.stopPropagation()
    const given = kind === 'article' ? input.value.split(/[\s,]+/) : [input.value.trim()]
    input.value = ''
    change({ [name]: [...new Set([...values, ...given.filter(Boolean)])], ...clear })
  })
  return { node: h('div', { class: 'field' }, h('label', {}, h('span', {}, title), input, kind ? propose(input, kind) : null), chips), show }
}

// Write the names of articles on their buttons, once they are known; the ids stay in the labels.
async function nameChips(chips, ids) {
  const cards = await readCards(ids).catch(() => new Map())
  ids.forEach((id, place) => {
    const name = cards.get(id)?.prod_name
    const button = chips.children[place]
    if (name && button?.getAttribute('aria-label') === plain(`Remove ${id}`)) button.firstChild.textContent = plain(name)
  })
}

// A form whose inputs are parameters of the address. `clear` are parameters that any change of it removes.
export function makeForm({ id, label, body, parts = {}, names, checks = [], clear = {} }) {
  const form = h('form', { id, class: 'options', 'aria-label': label }, body)
  form.addEventListener('submit', event => event.preventDefault())
  form.addEventListener('change', ({ target }) => {
    if (!target.name || !form.reportValidity()) return
    change({ [target.name]: target.type === 'checkbox' ? (target.checked ? 'true' : null) : target.value.trim(), ...clear })
  })
  const follow = params => {
    for (const [name, part] of Object.entries(parts)) part.show(params.getAll(name))
    for (const name of names) {
      const input = form.elements[name]
      input.value = params.get(name) ?? (input.localName === 'select' ? input.options[0].value : '')
    }
    for (const name of checks) form.elements[name].checked = params.get(name) === 'true'
  }
  return { node: form, follow }
}
