// What customers bought from the lists they were shown, and what they would have bought from other methods' lists.
import { request } from './api.js'
import { card, empty, h, number, percent, refill, several as count, table, warning } from './dom.js'
import { field, makeForm, select, several } from './form.js'
import { begin } from './place.js'
import { drawBars } from './plots.js'

const GROUPS = [['method', 'Method'], ['segment', 'Segment'], ['place', 'Place'], ['day', 'Day'], ['arm', 'Arm of an experiment']]
const MEASURES = [['hit_rate', 'Lists with a purchase'], ['precision', 'Articles bought'], ['map', 'MAP'], ['click_rate', 'Lists with a view or cart']]
const ESTIMATES = [['ips', 'Articles bought (IPS)'], ['snips', 'Articles bought (SNIPS)']]
let shown = null

export async function showOutcomes(main, { params }) {
  if (shown?.node.isConnected) return shown.follow(params)
  document.title = 'Outcomes · hmrec'
  const parts = { method: several('Estimate methods', 'method', 'method') }
  const form = makeForm({
    id: 'counted', label: 'Which lists count', parts, names: ['by', 'since', 'until', 'window'],
    body: h('div', { class: 'grid' }, select('By', 'by', GROUPS), field('Shown from', 'since', { type: 'date' }), field('Shown before', 'until', { type: 'date' }),
      field('Days in which purchases count', 'window', { type: 'number', min: '1', max: '365' })),
  })
  const outcomes = fillable('outcomes', 'Reading the lists', makeOutcomes)
  const estimates = fillable('estimates', 'Estimating', makeEstimates)
  const policy = card('What other methods would have sold', h('p', { class: 'small' }, 'Estimated from the lists in which some places were filled at random.'),
    h('form', { class: 'options', 'aria-label': 'Methods to estimate', onsubmit: event => event.preventDefault() }, parts.method.node), estimates.box)
  policy.hidden = true
  const node = h('div', {}, card('Lists that customers were shown', form.node, outcomes.box), policy)
  main.replaceChildren(h('h1', {}, 'Outcomes'), node)
  const follow = async params => {
    form.follow(params)
    const days = ['since', 'until', 'window'].map(name => [name, params.get(name)])
    const found = await outcomes.show([['by', params.get('by') ?? 'method'], ...days])
    if (found) policy.hidden = found.explored === 0
    if (!policy.hidden) await estimates.show([...params.getAll('method').map(name => ['method', name]), ...days])
  }
  shown = { node, follow }
  await follow(params)
}

// A box that shows what is made of some parameters, and makes it again only if they change. `show` returns what was read.
function fillable(id, waiting, make) {
  const box = h('div', { id, class: 'later', 'aria-busy': 'false' })
  let asked = null
  const show = async pairs => {
    const wanted = new URLSearchParams(pairs.filter(([, value]) => value))
    if (asked === String(wanted)) return null
    asked = null
    const isCurrent = begin(id)
    let found = null
    await refill(box, async () => {
      const [read, made] = await make(wanted)
      if (isCurrent()) [found, asked] = [read, String(wanted)]
      return made
    }, { what: waiting, isCurrent, fail: warning })
    return found
  }
  return { box, show }
}

async function makeOutcomes(wanted) {
  const found = await request('/outcomes', wanted)
  const { by, window: days, outcomes } = found
  if (!outcomes.length) return [found, [empty('No lists of these days were logged. The service logs them with HMREC_LOG_SHARE.')]]
  const title = GROUPS.find(([name]) => name === by)[1]
  const rows = outcomes.map(one => [String(one.group), number(one.lists), number(one.customers), ...MEASURES.map(([name]) => interval(one, name))])
  const plot = drawBars({ title: `${MEASURES[0][1]}, in percent`, heads: [title, `${MEASURES[0][1]}, in percent`], labels: outcomes.map(one => String(one.group)), values: outcomes.map(one => 100 * one.hit_rate), whole: false })
  return [found, [table('Outcomes', [title, 'Lists', 'Customers', ...MEASURES.map(([, head]) => head)], rows), plot.node, h('p', { class: 'small' }, `Purchases, views and carts within ${count(days, 'day')} count. In brackets: 95 % intervals.`)]]
}

async function makeEstimates(wanted) {
  if (!wanted.has('method')) return [null, [empty('Choose methods to estimate.')]]
  const { estimates } = await request('/outcomes/off-policy', wanted)
  const rows = estimates.map(one => [one.method, number(one.lists), ...ESTIMATES.map(([name]) => interval(one, name)), percent(one.support)])
  return [estimates, [table('Estimates', ['Method', 'Lists', ...ESTIMATES.map(([, head]) => head), 'Places that could be shown'], rows),
    h('p', { class: 'small later' }, 'If far fewer than all places could be shown, trust neither estimate.')]]
}

const interval = (one, name) => one[name] === null ? 'not known' : `${percent(one[name])} (${percent(one[`${name}_low`])} to ${percent(one[`${name}_high`])})`
