// Why an article is in the list that is shown: the ranker's parts, customers with similar purchases, or the method's own reason.
import { path, readShop, request } from './api.js'
import { empty, h, loading, number, score, signed, table } from './dom.js'
import { makeDrawing } from './drawing.js'
import { forExplanation } from './options.js'
import { begin, change } from './place.js'
import { PARTS, writePart } from './words.js'

const SENTENCES = 4
const EXPLAINED = ['hybrid', 'user_based_cf']

export function makeWhy() {
  const title = h('h2', { id: 'why-title' })
  const body = h('div', { class: 'why' })
  const close = h('button', { class: 'btn-close', type: 'button', 'aria-label': 'Close', onclick: () => node.close() })
  const node = h('dialog', { 'aria-labelledby': 'why-title', id: 'why' }, h('div', { class: 'top' }, title, close), body)
  node.addEventListener('close', () => new URLSearchParams(location.hash.split('?')[1]).has('why') && change({ why: null, of: null }))
  node.addEventListener('click', event => event.target === node && node.close())

  const follow = async (params, lists) => {
    const isCurrent = begin('why')
    const article = params.get('why')
    if (!article) return node.open ? node.close() : undefined
    const list = lists[params.get('of') === 'two' ? 1 : 0]
    const row = list?.rows.find(row => row.article_id === article)
    title.textContent = `Why ${row?.prod_name ?? article}?`
    if (!node.open) node.showModal()
    if (!row) return body.replaceChildren(empty('This article is not in the list that is shown.'))
    body.replaceChildren(h('p', {}, row.score === null ? `Number ${row.place} of the list, where a rule of the shop puts it.` : `Number ${row.place} of the list, with a score of ${score(row.score)}.`), loading('Explaining'))
    try {
      const made = EXPLAINED.includes(row.method)
        ? await request(path('explain', list.customer, article), new URLSearchParams([['by', row.method], ...forExplanation(list.options)]))
        : null
      const parts = made === null || !made.parts.length ? await explainByReason(row) : row.method === 'hybrid' ? explainByRanker(row, made, list) : explainByCustomers(row, made)
      if (!isCurrent()) return
      body.lastChild.replaceWith(...parts.nodes)
      parts.after?.()
    } catch (failure) {
      if (failure.status === 401) throw failure
      if (isCurrent()) body.lastChild.replaceWith(empty(failure.message))
    }
  }
  return { node, follow }
}

const sum = parts => parts.reduce((total, { part }) => total + part, 0)

// Say whether the parts add up to the score in the list. They do unless the graph has changed since, or a rule of the shop
// fetched the article from so far down the list that the ranker scored it by its first trees only.
function compareSums(row, found) {
  const same = Math.abs(found - row.score) <= 1e-6 * Math.max(1, Math.abs(row.score))
  return h('p', { class: 'sum', 'data-sum': found }, same ? `The parts add up to the score in the list, ${score(row.score)}.` : `The parts add up to ${score(found)}; the list shows ${score(row.score)}, because a rule of the shop fetched it from far down, where fewer trees count, or because the shop has changed since. Reload the page to see.`)
}

async function explainByReason(row) {
  if (!row.method) return { nodes: [h('ul', { class: 'sentences' }, h('li', {}, row.because))] }
  const { methods } = await readShop()
  const doc = methods.find(({ name }) => name === row.method)?.doc
  return { nodes: [h('ul', { class: 'sentences' }, h('li', {}, row.because)), h('p', { class: 'small' }, `It comes from the list “${row.method.replaceAll('_', ' ')}”${doc ? ` (${doc})` : ''}, whose score is this one number.`)] }
}

function explainByRanker(row, { parts }, list) {
  const weighty = parts.filter(({ source }) => source !== 'baseline').sort((one, two) => Math.abs(two.part) - Math.abs(one.part))
  const most = Math.max(...parts.map(({ part }) => Math.abs(part)), 1e-12)
  const rows = [...weighty, ...parts.filter(({ source }) => source === 'baseline')].map(part => [PARTS[part.source] ?? part.source, part.place ?? '', bar(part.part, most), signed(part.part)])
  const nodes = [
    h('p', {}, 'A ranker orders what several sources propose. What mattered most here:'),
    h('ul', { class: 'sentences' }, weighty.slice(0, SENTENCES).map(part => h('li', { class: part.part < 0 ? 'against' : 'for' }, writePart(part), ' ', h('strong', {}, signed(part.part))))),
    h('details', { id: 'parts' }, h('summary', {}, `All ${parts.length} parts of the score`), table('The parts of the score', ['Part', 'Place in its list', asBar(), 'Adds'], [...rows, ['Sum', '', '', score(sum(parts))]])),
    compareSums(row, sum(parts)),
  ]
  if (parts.some(({ source, place }) => source === 'customers like you' && place !== null)) nodes.push(offerDrawing(row, list))
  return { nodes }
}

// The neighbours behind the ranker's source "customers like you", on demand: their score is another one.
function offerDrawing(row, list) {
  const box = h('details', {}, h('summary', {}, 'Draw the customers with similar purchases'))
  box.addEventListener('toggle', async () => {
    if (!box.open || box.children.length > 1) return
    const wait = loading('Drawing')
    box.append(wait)
    const made = await request(path('explain', list.customer, row.article_id), { by: 'user_based_cf', as_of: list.options.get('as_of'), include_unavailable: list.options.get('include_unavailable') }).catch(failure => ({ parts: [], failure }))
    if (!made.parts.length) return wait.replaceWith(empty(made.failure?.message ?? 'No customer with similar purchases bought it.'))
    const drawing = makeDrawing()
    wait.replaceWith(drawing.node)
    drawing.draw(made.drawing)
  })
  return box
}

const asBar = () => h('span', { class: 'visually-hidden' }, 'As a bar')
const bar = (part, most) => {
  const made = h('span', { class: part < 0 ? 'bar less' : 'bar', 'aria-hidden': 'true' })
  made.style.width = `${Math.max(1, 100 * Math.abs(part) / most)}%`
  return made
}

function explainByCustomers(row, { parts, drawing }) {
  const others = parts.filter(({ who }) => who === 'neighbour')
  const own = parts.find(({ who }) => who !== 'neighbour')
  const shared = [...new Set(others.slice(0, 3).flatMap(one => one.shared.slice(0, 2).map(({ prod_name, article_id }) => prod_name ?? article_id)))]
  const most = Math.max(...parts.map(({ part }) => part), 1e-12)
  const picture = makeDrawing()
  return {
    nodes: [
      h('ul', { class: 'sentences' },
        others.length ? h('li', {}, `${others.length === 1 ? 'One customer' : `${number(others.length)} customers`} with similar purchases bought it `, h('strong', {}, signed(sum(others)))) : null,
        shared.length ? h('li', {}, `What they have in common: ${shared.slice(0, 4).join(', ')}`) : null,
        own ? h('li', {}, 'The customer bought it before ', h('strong', {}, signed(own.part))) : null),
      h('details', { id: 'parts' }, h('summary', {}, `All ${parts.length} parts of the score`), table('The parts of the score', ['Because', 'Similarity', 'Weight', asBar(), 'Adds'], [
        ...parts.map(one => [one.because, score(one.similarity), score(one.weight), bar(one.part, most), signed(one.part)]), ['Sum', '', '', '', score(sum(parts))]])),
      compareSums(row, sum(parts)), picture.node,
    ],
    after: () => picture.draw(drawing),
  }
}
