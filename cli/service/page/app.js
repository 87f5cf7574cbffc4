// The page of hmrec serve: it reads the address, shows the view that it names, and says what fails.
import { Failure } from './api.js'
import { plain } from './dom.js'
import { begin, parse } from './place.js'
import { showArticle } from './article.js'
import { showAudience } from './audience.js'
import { showCart } from './cart.js'
import { showCustomer } from './customer.js'
import { showOutcomes } from './outcomes.js'
import { showRules } from './rules.js'
import { showMatches, watchSearch } from './search.js'
import { showSegments } from './segments.js'
import { showShop } from './start.js'

const VIEWS = { '': showShop, search: showMatches, customers: showCustomer, articles: showArticle, segments: showSegments, rules: showRules, audience: showAudience, cart: showCart, outcomes: showOutcomes }
const at = id => document.getElementById(id)
let shown = null

function showFailure(failure) {
  at('login').hidden = failure.status !== 401
  at('failure').textContent = failure instanceof Failure ? plain(failure.message) : 'Something went wrong on this page. Reload it.'
  at('failure').hidden = false
  if (failure.status === 401) at('token').focus()
  if (!(failure instanceof Failure)) throw failure
}

async function show() {
  if (location.hash === '#view') { // the link past the header
    history.replaceState(null, '', shown?.hash ?? '#/')
    return at('view').focus()
  }
  const place = parse()
  const isCurrent = begin('view')
  const isNew = shown === null || shown.view !== place.view || shown.id !== place.id
  const first = shown === null
  shown = { ...place, hash: location.hash }
  at('failure').hidden = true
  for (const link of document.querySelectorAll('header nav a')) link.hash === `#/${place.view}` ? link.setAttribute('aria-current', 'page') : link.removeAttribute('aria-current')
  const main = at('view')
  try {
    await (VIEWS[place.view] ?? showShop)(main, place, isCurrent)
  } catch (failure) {
    if (!isCurrent()) return
    if (isNew) main.replaceChildren()
    showFailure(failure)
  }
  if (isNew && !first && isCurrent() && document.activeElement === document.body) main.focus({ preventScroll: true })
}

addEventListener('hashchange', () => {
  const { view, id } = parse()
  if (shown && (shown.view !== view || shown.id !== id)) scrollTo(0, 0)
  show()
})
addEventListener('failure', event => showFailure(event.detail))
at('login').addEventListener('submit', event => {
  event.preventDefault()
  sessionStorage.setItem('token', at('token').value)
  at('login').hidden = true
  shown = null
  show()
})
watchSearch(showFailure)
show()
