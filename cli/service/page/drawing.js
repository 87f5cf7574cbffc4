// The explanation of user-based collaborative filtering as a graph, drawn by cytoscape.js from left to right.
import { h, plain } from './dom.js'

const KINDS = { customer: 'the customer', shared: 'bought by both', neighbour: 'a customer with similar purchases', article: 'recommended' }
const ACROSS = { customer: 0, shared: 1, neighbour: 2, article: 3 }
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
const shorten = text => text.length > 24 ? `${text.slice(0, 23)}…` : text

export function makeDrawing() {
  const box = h('div', { id: 'drawing', role: 'img', 'aria-label': 'Graph of the customer, shared articles, customers with similar purchases, and the recommended article' })
  const legend = h('ul', { class: 'legend' }, Object.entries(KINDS).map(([kind, text]) => h('li', { class: kind }, text)))
  return { node: h('div', {}, legend, box), draw: drawing => draw(box, drawing) }
}

function draw(box, { nodes, edges }) {
  const columns = Map.groupBy(nodes, node => node.kind)
  const { clientWidth: width, clientHeight: height } = box
  const place = node => {
    const column = columns.get(node.data('kind'))
    return { x: width * (ACROSS[node.data('kind')] + 0.5) / 4, y: height * (column.findIndex(other => other.id === node.id()) + 0.5) / column.length }
  }
  const most = Math.max(...edges.map(edge => edge.part))
  const [start, end] = ['customer', 'article'].map(kind => columns.get(kind)[0])
  return cytoscape({
    container: box,
    elements: [
      ...nodes.map(({ id, kind, name }) => ({ data: { id, kind, name: shorten(plain(name)), colour: colour(`--${kind}`) } })),
      ...edges.map(({ source, target, part }) => ({ data: { source, target, width: 1 + 6 * Math.sqrt(part / most), own: source === start.id && target === end.id } })),
    ],
    layout: { name: 'preset', positions: place, padding: 30 },
    style: [
      { selector: 'node', style: { label: 'data(name)', color: colour('--bs-body-color'), 'background-color': 'data(colour)', width: 20, height: 20, 'font-size': 11, 'text-valign': 'bottom', 'text-margin-y': 2 } },
      { selector: 'edge', style: { width: 'data(width)', 'line-color': colour('--edge'), 'target-arrow-color': colour('--edge'), 'target-arrow-shape': 'triangle', 'curve-style': 'straight', opacity: 0.8 } },
      { selector: 'edge[?own]', style: { 'curve-style': 'unbundled-bezier', 'control-point-distances': height * 0.8, 'control-point-weights': 0.5 } }, // a curve around the other nodes
    ],
    minZoom: 0.2, maxZoom: 4, userZoomingEnabled: false,
  })
}
