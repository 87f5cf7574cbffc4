// Requests to the service, and its failures in the words of the page.
import { plain } from './dom.js'

const KINDS = {
  0: 'The service does not answer. Check that it is still running, and try again.',
  401: 'The token is missing or wrong.',
  409: 'This needs a trained model that knows this customer or article, and there is none.',
  500: 'Something went wrong in the service. Its log says what.',
  502: 'The database could not answer. Try again in a moment.',
  503: 'The database does not respond. Try again in a moment.',
}

export class Failure extends Error {
  constructor(status, { error = '', hint = '' } = {}) {
    const forShell = /`|--|hmrec|\/docs|leading zeros/.test(hint) // hints for the command line help nobody here
    super(KINDS[status] ?? plain(forShell ? error : `${error} ${hint}`.trim()))
    this.status = status
  }
}

export const path = (...parts) => '/' + parts.map(encodeURIComponent).join('/')

// Request an address; a body is sent as JSON.
export async function request(address, parameters = {}, { method = 'GET', body = undefined } = {}) {
  const pairs = parameters instanceof URLSearchParams ? [...parameters] : Object.entries(parameters).flatMap(([name, value]) => [value].flat().map(one => [name, one]))
  const query = new URLSearchParams(pairs.filter(([, value]) => value !== '' && value !== false && value !== null && value !== undefined))
  const token = sessionStorage.getItem('token')
  const headers = token ? { Authorization: `Bearer ${token}` } : {}
  const sent = body === undefined ? undefined : JSON.stringify(body)
  const answer = await fetch(query.size ? `${address}?${query}` : address, { method, headers, body: sent }).catch(() => { throw new Failure(0) })
  const found = await answer.json().catch(() => ({}))
  if (!answer.ok) throw new Failure(answer.status, found)
  return found
}

// The details of articles that lists show, by id; a hundred in a request, so that addresses stay short.
export async function readCards(ids) {
  const parts = []
  for (let from = 0; from < ids.length; from += 100) parts.push(request('/articles', { article_id: ids.slice(from, from + 100) }))
  return new Map((await Promise.all(parts)).flatMap(part => part.articles).map(one => [one.article_id, one]))
}

let shop = null
export const readShop = () => shop ??= request('/shop').catch(failure => { shop = null; throw failure })
export const forgetShop = () => { shop = null }
