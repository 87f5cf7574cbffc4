// The customers most likely to buy an article, several that count as one, or something of a department.
import { request } from './api.js'
import { saveTable } from './csv.js'
import { card, empty, forPage, h, number, refill, score, sheet, shortId, warning } from './dom.js'
import { check, field, makeForm, several } from './form.js'
import { begin, customerAddress } from './place.js'

const LENGTH = 100 // customers
const FIRST_ROWS = 50
const SEVERAL = ['article', 'department', 'segment']
const SINGLE = ['where', 'customers_where', 'k', 'as_of']
const CHECKS = ['include_buyers']
let shown = null

export async function showAudience(main, { params }, isCurrent) {
  if (shown?.node.isConnected) return shown.follow(params)
  document.title = 'Audience · hmrec'
  const parts = { article: several('Articles', 'article', 'article'), department: several('Departments', 'department', 'department'), segment: several('Only customers of segments', 'segment', 'segment') }
  const form = makeForm({
    id: 'wanted', label: 'Who may buy what', parts, names: SINGLE, checks: CHECKS,
    body: [
      h('div', { class: 'grid' }, parts.article.node, parts.department.node, field('Articles that meet this condition', 'where', { placeholder: 'price < 20 and stock > 5' }, { area: 'method' })),
      h('div', { class: 'grid' }, parts.segment.node, field('Only customers who meet this condition', 'customers_where', { placeholder: 'age >= 30 and age < 55' }, { area: 'method' }),
        field('Customers', 'k', { type: 'number', min: '1', max: '100000', placeholder: LENGTH }), field('As of', 'as_of', { type: 'date' })),
      h('div', { class: 'checks' }, check('Also those who bought it already', 'include_buyers'))],
  })
  const result = card('Most likely first', h('div', { id: 'audience', 'aria-busy': 'false' }))
  const box = result.querySelector('#audience')
  const node = h('div', {}, card('Who may buy it?', form.node), result)
  main.replaceChildren(h('h1', {}, 'Audience'), node)
  let asked = null
  const follow = async params => {
    form.follow(params)
    const wanted = new URLSearchParams([...params].filter(([name, value]) => value && [...SEVERAL, ...SINGLE, ...CHECKS].includes(name)))
    if (!wanted.has('k')) wanted.set('k', LENGTH)
    if (asked === String(wanted)) return
    asked = String(wanted)
    const isCurrent = begin('audience')
    const isChosen = ['article', 'department', 'where'].some(name => wanted.has(name))
    const make = async () => isChosen ? showFound(await request('/audience', wanted), wanted) : [empty('Choose an article, a department or a condition to see who is most likely to buy it. Several articles count as one.')]
    await refill(box, make, { what: 'Looking for customers', isCurrent, fail: warning })
  }
  shown = { node, follow }
  await follow(params)
}

function showFound({ customers, note }, wanted) {
  const said = note ? [h('p', { class: 'note' }, forPage(note))] : []
  if (!customers.length) return [...said, empty('No customer is likely to buy it under these conditions.')]
  const rows = h('div', {})
  const show = all => {
    const some = all ? customers : customers.slice(0, FIRST_ROWS)
    rows.replaceChildren(listCustomers(some))
    if (some.length < customers.length) rows.append(h('button', { class: 'btn btn-outline-primary btn-sm', type: 'button', onclick: () => show(true) }, `Show all ${number(customers.length)}`))
  }
  show(false)
  return [...said, h('div', { class: 'top' }, h('p', { class: 'small' }, customers.length === 1 ? 'One customer. ' : `${number(customers.length)} customers. `, 'Scores are comparable only within this audience.'), exportButton(customers, [...wanted.getAll('article'), ...wanted.getAll('department')])), rows]
}

export const exportButton = (customers, of) => h('button', { class: 'btn btn-outline-primary btn-sm', type: 'button', onclick: () => saveAudience(customers, of) }, 'Export CSV')

export const listCustomers = (customers, caption = 'Customers most likely to buy it') => sheet(caption, ['Place', 'Customer', 'Score', 'Because'], customers.map((one, place) => [
  number(place + 1), h('a', { href: customerAddress(one.customer_id) }, shortId(one.customer_id)), score(one.score), one.because]))

function saveAudience(customers, of) {
  const name = of.join('-').replace(/[^\w-]+/g, '_').slice(0, 60)
  saveTable(`audience${name ? `-${name}` : ''}.csv`, ['customer_id', 'score', 'because'], customers)
}
