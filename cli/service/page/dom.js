// Building blocks: elements, numbers and days in words, the pieces that several views share.

// Show control characters, and those that change the direction of writing, as question marks.
export const plain = value => String(value ?? '').replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?')

// A note of the service without what it says about the command line, which helps nobody here.
export const forPage = note => note.replace(/ \(`[^`]*`[^)]*\)/g, '').replace(/;[^;.]*`[^`]*`[^.]*\./g, '.').replaceAll('`', '')

// Make an element. Text from the graph is inserted as text, never as HTML.
export function h(name, properties = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value)
    else if (key === 'class') made.className = value
    else if (value === true) made.setAttribute(key, '')
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, plain(value))
  }
  made.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined).map(child => child instanceof Node ? child : plain(child)))
  return made
}

export const number = value => Number(value).toLocaleString('en', { maximumFractionDigits: 2 })
export const several = (count, what) => `${number(count)} ${what}${count === 1 ? '' : 's'}`
export const percent = value => value === null ? 'none' : `${(100 * value).toFixed(1)} %`
export const score = value => Number(value).toPrecision(4)
export const signed = value => (value < 0 ? '−' : '+') + score(Math.abs(value))
export const price = value => value >= 1 ? value.toFixed(2) : String(Number(value.toPrecision(4)))
export const shortId = id => id.length > 20 ? `${id.slice(0, 12)}…` : id

const FORMATS = {
  day: { day: 'numeric', month: 'short', year: 'numeric' },
  month: { month: 'short', year: 'numeric' },
}
const write = form => text => text ? new Date(`${text.slice(0, 10)}T00:00`).toLocaleDateString('en-GB', FORMATS[form]) : 'none'
export const day = write('day')
export const month = text => write('month')(`${text}-01`)

// A section with a heading and a body.
export const card = (title, ...children) => {
  const id = `h-${title.replace(/\W+/g, '-').toLowerCase()}`
  return h('section', { class: 'card', 'aria-labelledby': id }, h('div', { class: 'card-body' }, h('h2', { id }, title), children))
}

// A placeholder for something that is being loaded.
export const loading = (what = 'Loading') => h('div', { class: 'loading placeholder-glow', 'aria-busy': 'true' },
  h('span', { class: 'visually-hidden' }, `${what} …`), h('span', { class: 'placeholder col-7' }), h('span', { class: 'placeholder col-10' }), h('span', { class: 'placeholder col-5' }))

export const empty = text => h('p', { class: 'empty' }, text)
export const warning = text => h('p', { class: 'alert alert-warning', role: 'alert' }, text)

// Fill a box with the elements that `make` returns; null leaves it as it is. Until then it shows that it is loading `what`, or without `what`
// its present content. A failure is shown by `fail`. A result that is no longer wanted is dropped.
export async function refill(box, make, { what = null, isCurrent = () => true, fail = empty } = {}) {
  if (what !== null) {
    box.setAttribute('aria-busy', 'true')
    box.replaceChildren(loading(what))
  }
  let made
  try {
    made = await make()
  } catch (failure) {
    if (failure.status === 401) throw failure
    made = [fail(failure.message, failure)]
  }
  if (!isCurrent()) return
  if (made !== null) box.replaceChildren(...made)
  box.setAttribute('aria-busy', 'false')
}

// Names and values side by side.
export const facts = pairs => h('dl', { class: 'facts' }, pairs.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))))

const rowsOf = (caption, heads, rows, kind) => h('table', { class: `table table-sm ${kind}` },
  h('caption', { class: 'visually-hidden' }, caption),
  h('thead', {}, h('tr', {}, heads.map(head => h('th', { scope: 'col' }, head)))),
  h('tbody', {}, rows.map(row => h('tr', {}, row.map((cell, place) => h('td', { 'data-head': heads[place] instanceof Node ? heads[place].textContent : heads[place] }, cell))))))

// Rows of figures, in a box that scrolls.
export const table = (caption, heads, rows) => h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': caption }, rowsOf(caption, heads, rows, ''))

// Rows with sentences: on a narrow screen, each cell has a line of its own, after its column's name.
export const sheet = (caption, heads, rows) => rowsOf(caption, heads, rows, 'sheet')
