// The shop's rules: what they do, what is wrong with them, what they do to a customer's list; adding and removing them.
import { path, readShop, request } from './api.js'
import { card, day, empty, h, loading, number, percent, plain, refill, sheet, warning } from './dom.js'
import { field, makeForm, select, several } from './form.js'
import { articleAddress, begin } from './place.js'
import { nameAttribute, nameMethod } from './words.js'

const KINDS = [
  ['boost', 'Promote articles'], ['bury', 'Put articles last'], ['pin', 'Pin an article to a place'],
  ['block', 'Leave articles out'], ['cap', 'Cap articles with the same property'], ['share', 'Require new arrivals'],
]
const NUMBERS = ['factor', 'place', 'most', 'share', 'days', 'priority']
const IDS = ['articles', 'departments']
let shown = null

export async function showRules(main, { params }, isCurrent) {
  if (shown?.node.isConnected) return shown.follow(params)
  document.title = 'Rules · hmrec'
  main.replaceChildren(h('h1', {}, 'Rules of the shop'), loading('Reading the rules'))
  const [shop, access] = await Promise.all([readShop(), request('/access')])
  if (!isCurrent()) return
  const list = h('div', { id: 'rules' }, loading('Reading the rules'))
  const status = h('p', { role: 'status', class: 'small said' })
  const trial = makeTrial(shop.methods)
  const read = async said => {
    await showList(list, shop, access, read)
    status.textContent = said ?? ''
    await trial.again()
  }
  const node = h('div', {}, card('Rules', h('p', { class: 'small' }, 'Rules change every list: those of this page, of the commands and of the service.'), list, status), trial.node, card('Change the rules', ...makeChanges(access, read)))
  main.lastChild.replaceWith(node)
  shown = { node, follow: params => trial.follow(params) }
  await Promise.all([showList(list, shop, access, read), trial.follow(params)])
}

// What a rule does, in a sentence.
function describe(rule) {
  const articles = rule.where ? [h('code', {}, rule.where)] : rule.articles.length > 3 ? [...list(rule.articles.slice(0, 3)), ` and ${number(rule.articles.length - 3)} more`] : list(rule.articles)
  return {
    boost: () => ['Promotes ', ...articles, `: place ${number(12)} competes as place ${number(12 / rule.factor)}`],
    bury: () => ['Puts ', ...articles, ' behind all other articles'],
    pin: () => ['Puts ', ...articles, ` at place ${number(rule.place)}`],
    block: () => ['Leaves out ', ...articles],
    cap: () => [`At most ${number(rule.most)} with the same `, nameAttribute(rule.attribute).toLowerCase(), ...(articles.length ? [', of ', ...articles] : [])],
    share: () => [`At least ${percent(rule.share)} new arrivals${rule.days === null ? '' : `, first sold within ${number(rule.days)} days`}`],
  }[rule.kind]()
}
const list = ids => ids.flatMap((id, place) => [place ? ', ' : '', h('a', { href: articleAddress(id) }, id)])

const describeScope = rule => [
  rule.customers ? ['Customers with ', h('code', {}, rule.customers)] : ['All customers'],
  rule.departments.length ? [`; lists of ${rule.departments.join(', ')}`] : [],
].flat()

function describeDays(rule, today) {
  if (!rule.from_day && !rule.until_day) return ['Always']
  const words = rule.from_day && rule.until_day ? `${day(rule.from_day)} to ${day(rule.until_day)}` : rule.from_day ? `From ${day(rule.from_day)}` : `Until ${day(rule.until_day)}`
  const state = today === null ? null : rule.from_day && rule.from_day > today ? 'not yet' : rule.until_day && rule.until_day < today ? 'over' : 'now'
  return [words, ' ', state && h('span', { class: `badge ${state === 'now' ? 'text-bg-primary' : 'text-bg-secondary'}` }, state)]
}

// The day of a list is the one after the last purchase.
function nextDay(text) {
  if (!text) return null
  const made = new Date(`${text}T00:00Z`)
  made.setUTCDate(made.getUTCDate() + 1)
  return made.toISOString().slice(0, 10)
}

async function showList(box, shop, { writes }, read) {
  await refill(box, async () => {
    const [{ rules }, { problems }] = await Promise.all([request('/rules'), request('/rules/check')])
    const of = name => problems.filter(({ rule }) => rule === name)
    const unread = problems.filter(({ rule }) => !rules.some(({ name }) => name === rule))
    const today = nextDay(shop.last)
    return [
      rules.length
        ? sheet('Rules, the highest priority first', ['Rule', 'Does', 'Applies to', 'Days', 'Priority', ...(writes ? ['Change'] : [])], rules.map(rule => [
          h('strong', {}, rule.name),
          [describe(rule), of(rule.name).map(({ problem }) => h('div', { class: 'problem' }, problem))].flat(),
          describeScope(rule), describeDays(rule, today), number(rule.priority),
          ...(writes ? [removal(rule.name, read)] : [])].map(cell => [cell].flat().length === 1 ? cell : h('div', {}, cell))))
        : empty('There are no rules. Lists are as the methods make them.'),
      ...(unread.length ? [h('div', { class: 'alert alert-warning' }, unread.map(({ rule, problem }) => h('p', {}, `${rule}: ${problem}`)))] : []),
      rules.length && !problems.length ? h('p', { class: 'small later' }, 'The rules are fine: what they name exists, and none contradicts another.') : '',
    ]
  })
}

function removal(name, read) {
  return h('button', { class: 'btn btn-outline-primary btn-sm', type: 'button', 'aria-label': `Remove rule ${name}`, onclick: async event => {
    event.target.disabled = true
    try {
      await request(path('rules', name), {}, { method: 'DELETE' })
      await read(`Removed ${name}.`)
    } catch (failure) {
      event.target.disabled = false
      dispatchEvent(new CustomEvent('failure', { detail: failure }))
    }
  } }, 'Remove')
}

// A customer's list with the rules, beside their places without them.
function makeTrial(methods) {
  const parts = { department: several('A list for departments', 'department', 'department') }
  const form = makeForm({
    id: 'trial', label: 'Test the rules', parts, names: ['customer', 'method', 'k', 'as_of'],
    body: h('div', { class: 'grid' }, field('Customer', 'customer', { placeholder: 'an id' }, { kind: 'customer' }),
      select('Method', 'method', methods.map(method => [method.name, nameMethod(method)]), 'method'), field('Articles', 'k', { type: 'number', min: '1', max: '1000', placeholder: '12' }),
      field('As of', 'as_of', { type: 'date' }), parts.department.node),
  })
  const box = h('div', { id: 'tested', 'aria-busy': 'false' })
  let asked = null
  let now = new URLSearchParams()
  const follow = async (params, isForced = false) => {
    form.follow(params)
    now = params
    const customer = params.get('customer')
    const wanted = new URLSearchParams([...params].filter(([name, value]) => value && ['method', 'k', 'as_of', 'department'].includes(name)))
    if (!isForced && asked === `${customer} ${wanted}`) return
    asked = `${customer} ${wanted}`
    const isCurrent = begin('trial')
    const make = async () => customer ? showTrial(await request(path('rules', 'test', customer), wanted)) : [empty('Choose a customer to see what the rules do to the list.')]
    await refill(box, make, { what: 'Testing the rules', isCurrent, fail: warning })
  }
  return { node: card('Test them on a customer’s list', form.node, box), follow, again: () => now.get('customer') ? follow(now, true) : undefined }
}

function showTrial({ articles }) {
  if (!articles.length) return [empty('There is nothing to recommend to this customer.')]
  const changed = articles.filter(({ place, before }) => place !== before).length
  return [
    h('p', { class: 'small' }, changed ? `The rules change ${number(changed)} of ${number(articles.length)} places.` : 'The rules change nothing in this list.'),
    sheet('The list with the rules', ['Place', 'Without rules', 'Article', 'Because'], articles.map(one => [
      one.place === null ? h('span', { class: 'badge text-bg-secondary' }, 'left the list') : number(one.place), writeBefore(one),
      h('a', { href: articleAddress(one.article_id), 'data-article': one.article_id }, one.prod_name ?? one.article_id), one.because]))]
}

function writeBefore({ place, before }) {
  if (before === null) return h('strong', {}, 'new')
  if (place === null || place === before) return number(before)
  return `${number(before)} ${before > place ? '▲' : '▼'}`
}

// How rules are changed: here with the token for writing, otherwise on the command line.
function makeChanges({ writes, has_write_token: hasToken }, read) {
  if (writes) return [makeAdding(read)]
  const shell = [
    h('p', { class: 'later' }, 'On the command line:'),
    h('div', { class: 'shell' }, ["hmrec rules add promote-produce boost --factor 3 --where 'department = \"PRODUCE\"'", 'hmrec rules remove promote-produce', 'hmrec rules add --help'].map(line => h('div', {}, h('code', {}, line))))]
  if (!hasToken) return [empty('This page can only show the rules: the service runs without a token for writing (HMREC_WRITE_TOKEN).'), ...shell]
  const input = h('input', { class: 'form-control', type: 'password', autocomplete: 'off', required: true, id: 'write-token' })
  const form = h('form', { id: 'unlock' }, h('label', { for: 'write-token' }, 'To change rules here, enter the token for writing (HMREC_WRITE_TOKEN)'),
    h('div', { class: 'input-group' }, input, h('button', { class: 'btn btn-primary' }, 'Continue')), h('p', { role: 'alert', class: 'problem' }))
  form.addEventListener('submit', async event => {
    event.preventDefault()
    const before = sessionStorage.getItem('token')
    sessionStorage.setItem('token', input.value)
    const access = await request('/access').catch(() => ({ writes: false }))
    if (access.writes) {
      shown = null
      return dispatchEvent(new HashChangeEvent('hashchange'))
    }
    before === null ? sessionStorage.removeItem('token') : sessionStorage.setItem('token', before)
    form.querySelector('[role=alert]').textContent = 'This is not the token for writing.'
    input.focus()
  })
  return [form, ...shell]
}

// A form for a new rule; it asks only for what the kind needs.
function makeAdding(read) {
  const kind = select('Effect', 'kind', KINDS)
  const make = field
  const named = { where: make('Articles that meet this condition', 'where', { placeholder: 'department = "PRODUCE" and price < 5' }, { area: 'method' }), articles: make('Or these articles', 'articles', { placeholder: 'ids, separated by commas' }, { kind: 'article' }) }
  const own = {
    factor: make('Factor', 'factor', { type: 'number', min: '1.1', max: '20', step: 'any', placeholder: '2' }), place: make('Place', 'place', { type: 'number', min: '1', max: '1000' }),
    attribute: make('With the same', 'attribute', { placeholder: 'department' }), most: make('At most', 'most', { type: 'number', min: '0', max: '1000' }),
    share: make('Share of the list, 0 to 1', 'share', { type: 'number', min: '0.01', max: '1', step: 'any', placeholder: '0.1' }), days: make('Days for which articles are new', 'days', { type: 'number', min: '0', placeholder: '28' }),
  }
  const needs = { boost: ['factor', 'where', 'articles'], bury: ['where', 'articles'], pin: ['place', 'articles'], block: ['where', 'articles'], cap: ['attribute', 'most', 'where', 'articles'], share: ['share', 'days'] }
  const alert = h('p', { role: 'alert', class: 'problem' })
  const form = h('form', { id: 'adding', class: 'options', 'aria-label': 'Add a rule' },
    h('div', { class: 'grid' }, make('Name', 'name', { required: true, maxlength: '100', placeholder: 'promote-produce' }), kind, Object.values(own), Object.values(named)),
    h('div', { class: 'grid' }, make('Only for customers who meet this condition', 'customers', { placeholder: 'age >= 30' }, { area: 'method' }), make('Only in lists of departments', 'departments', { placeholder: 'names, separated by commas' }),
      make('From', 'from_day', { type: 'date' }), make('Until', 'until_day', { type: 'date' }), make('Priority', 'priority', { type: 'number', min: '-1000', max: '1000', placeholder: '0' })),
    h('div', { class: 'checks' }, h('label', { class: 'check' }, h('input', { class: 'form-check-input', type: 'checkbox', name: 'replace' }), ' Replace a rule of this name')),
    alert, h('button', { class: 'btn btn-primary' }, 'Add the rule'))
  const follow = () => {
    for (const [name, node] of Object.entries({ ...own, ...named })) {
      node.hidden = !needs[kind.lastChild.value].includes(name)
      node.querySelector('input').disabled = node.hidden // so that the form leaves it out
    }
  }
  kind.lastChild.addEventListener('change', follow)
  follow()
  form.addEventListener('submit', async event => {
    event.preventDefault()
    alert.textContent = ''
    const { replace, ...given } = Object.fromEntries([...new FormData(form)].filter(([, text]) => text !== ''))
    const rule = Object.fromEntries(Object.entries(given).map(([name, text]) => [name,
      NUMBERS.includes(name) ? Number(text) : IDS.includes(name) ? text.split(',').map(one => one.trim()).filter(Boolean) : text]))
    try {
      const { note } = await request('/rules', { replace: replace === 'on' }, { method: 'POST', body: [rule] })
      form.reset()
      follow()
      await read(`Added ${plain(rule.name)}.${note ? ` ${note}` : ''}`)
    } catch (failure) {
      alert.textContent = plain(failure.message)
    }
  })
  return form
}
