// The page's address: everything that the page shows is in it, so that it can be shared, reloaded and gone back to.

// `#/customers/ID?method=gnn` is { view: 'customers', id: 'ID', params }.
export function parse(hash = location.hash) {
  const old = new URLSearchParams(hash.slice(1)) // addresses of older versions: #customer=ID&method=gnn
  if (!hash.startsWith('#/') && old.has('customer')) {
    const id = old.get('customer')
    old.delete('customer')
    return { view: 'customers', id, params: old }
  }
  const [way, query] = hash.replace(/^#\/?/, '').split(/\?(.*)/s)
  const [view, id] = way.split('/')
  return { view, id: id === undefined ? null : decode(id), params: new URLSearchParams(query) }
}

const decode = text => { try { return decodeURIComponent(text) } catch { return text } }

export function address(view, id = null, params = {}) {
  const query = new URLSearchParams(params)
  return `#/${view}${id === null ? '' : `/${encodeURIComponent(id)}`}${query.size ? `?${query}` : ''}`
}

export const customerAddress = (id, params) => address('customers', id, params)
export const articleAddress = id => address('articles', id)

// Change parameters of the address that is shown; null or an empty text removes one.
export function change(changes) {
  const { view, id, params } = parse()
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name)
    for (const one of [value].flat()) if (one !== null && one !== undefined && one !== '' && one !== false) params.append(name, one)
  }
  location.hash = address(view, id, params)
}

// Begin a request of a kind; returns whether it is still the newest one, as only the newest one's answer is shown.
const newest = {}
export function begin(kind) {
  const mine = newest[kind] = (newest[kind] ?? 0) + 1
  return () => newest[kind] === mine
}
