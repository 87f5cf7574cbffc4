// What goes with a cart: its articles and quantities, perhaps its customer, and the list.
import { readCards } from './api.js'
import { card, empty, h, price } from './dom.js'
import { field, makeForm } from './form.js'
import { makeLists, writeStock } from './lists.js'
import { articleAddress, begin, change, parse } from './place.js'

let shown = null

// `ID*2` is two pieces of an article.
const read = text => { const [, id, quantity] = /^(.+?)(?:\*(\d+))?$/.exec(text); return { id, quantity: Number(quantity ?? 1) } }
const write = ({ id, quantity }) => quantity === 1 ? id : `${id}*${quantity}`

export async function showCart(main, { params }, isCurrent) {
  if (shown?.node.isConnected) return shown.follow(params)
  document.title = 'Cart · hmrec'
  const lists = await makeLists({ isCart: true, title: 'What goes with it' })
  if (!isCurrent()) return
  const items = h('div', { id: 'items' })
  const add = field('Add an article', null, { id: 'add', placeholder: 'an id or a name' }, { kind: 'article' })
  const input = add.querySelector('input')
  input.addEventListener('change', event => {
    event.stopPropagation()
    const given = input.value.split(/[\s,]+/).filter(Boolean).map(read)
    input.value = ''
    change({ article: merge([...parse().params.getAll('article').map(read), ...given]).map(write), why: null })
  })
  const form = makeForm({
    id: 'cart', label: 'The cart', names: ['customer'], clear: { why: null, method: null, new_only: null },
    body: h('div', { class: 'grid' }, add, field('Its customer, if known', 'customer', { placeholder: 'a customer’s id' }, { kind: 'customer' })),
  })
  const nothing = empty('The cart is empty. Add an article to see what customers buy with it and after it.')
  const node = h('div', {}, card('In the cart', form.node, items, nothing), lists.node)
  main.replaceChildren(h('h1', {}, 'Cart'), node)
  const follow = async params => {
    form.follow(params)
    const cart = params.getAll('article').map(read)
    nothing.hidden = cart.length > 0
    lists.node.hidden = !cart.length
    if (!cart.length) return items.replaceChildren()
    await Promise.all([showItems(items, cart), lists.follow(params)])
  }
  shown = { node, follow }
  await follow(params)
}

// Each article once, with the sum of its quantities.
function merge(items) {
  const quantities = new Map()
  for (const { id, quantity } of items) quantities.set(id, (quantities.get(id) ?? 0) + quantity)
  return [...quantities].map(([id, quantity]) => ({ id, quantity }))
}

async function showItems(box, cart) {
  const isCurrent = begin('items')
  const cards = await readCards(cart.map(one => one.id)).catch(() => new Map())
  if (!isCurrent()) return
  const focused = document.activeElement?.getAttribute('aria-label')
  box.replaceChildren(h('ul', { class: 'items' }, cart.map(one => {
    const found = cards.get(one.id)
    const name = found?.prod_name ?? one.id
    const others = () => cart.filter(other => other !== one)
    return h('li', {},
      h('div', {}, found ? h('a', { href: articleAddress(one.id) }, name) : name, h('small', {}, found ? [found.colour, found.department, found.price === null ? null : price(found.price), writeStock(found)].filter(Boolean).join(' · ') : 'The shop has no such article.')),
      h('input', { class: 'form-control', type: 'number', min: '1', max: '10000', value: one.quantity, 'aria-label': `How many of ${name}`, onchange: event => {
        if (event.target.reportValidity()) change({ article: cart.map(other => write(other === one ? { ...one, quantity: Number(event.target.value) || 1 } : other)), why: null })
      } }),
      h('button', { class: 'btn btn-outline-primary btn-sm', type: 'button', 'aria-label': `Remove ${name}`, onclick: () => change({ article: others().map(write), why: null }) }, 'Remove'))
  })))
  if (focused) [...box.querySelectorAll('input, button')].find(one => one.getAttribute('aria-label') === focused)?.focus()
}
