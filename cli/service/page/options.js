// The form above the lists: method, filters, mixture, day. It shows what the address says, and changes the address.
import { readShop } from './api.js'
import { h } from './dom.js'
import { check, field, makeForm, select, several } from './form.js'
import { change } from './place.js'
import { nameMethod } from './words.js'

const LISTED = ['department', 'not_department', 'colour', 'not_colour', 'only', 'exclude']
export const SEVERAL = [...LISTED, 'cap']
const SINGLE = ['k', 'as_of', 'max_price', 'in_season', 'where', 'diversity']
const CHECKS = ['new_only', 'include_unavailable', 'no_rules']
const FILTERS = [...LISTED, 'max_price', 'in_season', 'where', 'include_unavailable']
const MIXTURE = ['cap', 'diversity', 'no_rules']
const OWN = ['new_only'] // what needs a customer

// The parameters of a request for a list, as the address has them.
export const readOptions = (params, isKnown = true) => new URLSearchParams([...params].filter(([name, value]) =>
  value && [...SEVERAL, ...SINGLE, ...CHECKS].includes(name) && (isKnown || !OWN.includes(name))))

// The parameters that an explanation of a list has, too.
export const forExplanation = options => [...options].filter(([name]) => !['k', ...MIXTURE].includes(name))

const group = (title, ...children) => h('details', { class: 'filters' }, h('summary', {}, `${title} `, h('span', { class: 'badge text-bg-primary' })), h('div', { class: 'grid' }, children))

// Make the form. For a cart there is one list, and without a customer nothing to choose a method for.
export async function makeOptions({ isCart = false } = {}) {
  const shop = await readShop()
  const methods = shop.methods.map(method => [method.name, nameMethod(method)]).concat(isCart ? [] : [['stored', 'stored list']])
  const clear = { why: null, of: null }
  const make = (title, name, kind, options) => several(title, name, kind, { ...options, clear })
  const parts = {
    department: make('Only departments', 'department', 'department'), not_department: make('No departments', 'not_department', 'department'),
    colour: make('Only colours', 'colour', 'colour'), not_colour: make('No colours', 'not_colour', 'colour'),
    only: make('Only these articles', 'only', 'article'), exclude: make('Without these articles', 'exclude', 'article'),
    cap: make('At most, of the same', 'cap', null, { placeholder: 'department=3' }),
  }
  const method = select('Method', 'method', methods, 'method')
  const other = select('Compare with', 'compare', methods)
  const comparing = h('input', { class: 'form-check-input', type: 'checkbox' })
  const comparison = h('label', { class: 'check' }, comparing, ' Compare two methods')
  const newOnly = check('Only new articles', 'new_only')
  const filters = group('Filters', LISTED.map(name => parts[name].node),
    field('Highest price', 'max_price', { type: 'number', min: '0', step: 'any' }),
    field('Sold in the last … days', 'in_season', { type: 'number', min: '1', max: '36525' }),
    field('Condition', 'where', { placeholder: 'price < 20 and stock > 5' }, { area: 'method' }),
    check('Also what is out of stock or not sold', 'include_unavailable'))
  const mixture = group('Mixture and rules', parts.cap.node,
    field('Diversity, 0 to 1', 'diversity', { type: 'number', min: '0', max: '1', step: '0.05', placeholder: '0' }, { hint: '0: the best articles; 1: the least similar to each other' }),
    check('Without the shop’s rules', 'no_rules'))
  const form = makeForm({
    id: 'options', label: 'What to recommend', parts, names: [...SINGLE, 'method'], checks: CHECKS, clear: { why: null },
    body: [
      h('div', { class: 'grid' }, method, other, field('Articles', 'k', { type: 'number', min: '1', max: '1000', placeholder: '12' }), field('As of', 'as_of', { type: 'date' })),
      h('div', { class: 'checks' }, comparison, newOnly), filters, mixture],
  })
  comparing.addEventListener('change', () => change({ compare: comparing.checked ? (method.lastChild.value === 'popular' ? 'auto' : 'popular') : null, why: null }))

  const follow = params => {
    form.follow(params)
    comparing.checked = params.has('compare')
    other.hidden = isCart || !params.has('compare')
    other.lastChild.value = params.get('compare') ?? 'popular'
    comparison.hidden = isCart
    method.hidden = newOnly.hidden = isCart && !params.get('customer')
    for (const [box, names] of [[filters, FILTERS], [mixture, MIXTURE]]) {
      const used = names.filter(name => params.has(name)).length
      box.querySelector('.badge').textContent = used || ''
      if (used && !box.open) box.open = true
    }
  }
  return { node: form.node, follow }
}
