// Bar charts by Chart.js, in the page's colours, each with its figures as a table.
import { h, number, table } from './dom.js'

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
const drawn = new Set()

function paint(chart) {
  const [ink, line, bar, faint] = ['--ink-soft', '--line', '--bar', '--bar-faint'].map(colour)
  const { from = 0, to = Infinity } = chart.range ?? {}
  chart.data.datasets[0].backgroundColor = chart.data.labels.map((_, place) => place >= from && place <= to ? bar : faint)
  for (const axis of Object.values(chart.options.scales)) {
    axis.ticks.color = ink
    axis.grid.color = line
  }
  chart.update('none')
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => requestAnimationFrame(() => {
  for (const chart of drawn) chart.canvas?.isConnected ? paint(chart) : drawn.delete(chart)
}))

// Draw bars; with `whole`, the axis has whole numbers only. `choose(from, to)` is called with the places of the bars that the pointer was dragged over.
export function drawBars({ title, heads, labels, values, range = null, choose = null, whole = true }) {
  const canvas = h('canvas', { role: 'img', 'aria-label': title })
  const box = h('div', { class: 'plot' }, canvas)
  const chart = new Chart(canvas, {
    type: 'bar',
    data: { labels, datasets: [{ label: heads[1], data: values, categoryPercentage: 0.95, barPercentage: 0.95, borderRadius: 2, maxBarThickness: 56 }] },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false,
      interaction: { mode: 'index', intersect: false },
      plugins: { legend: { display: false }, tooltip: { displayColors: false } },
      scales: {
        x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 16 } },
        y: { beginAtZero: true, ticks: { precision: whole ? 0 : undefined, maxTicksLimit: 5 }, grid: {}, border: { display: false } },
      },
    },
  })
  chart.range = range
  drawn.add(chart)
  paint(chart)
  if (choose) listen(canvas, chart, choose)
  const figures = h('details', { class: 'figures' }, h('summary', {}, 'Show the figures'))
  figures.addEventListener('toggle', () => figures.children.length > 1 || figures.append(table(title, heads, labels.map((label, place) => [label, number(values[place])]))))
  return { node: h('div', {}, box, figures), show: range => { chart.range = range; paint(chart) } }
}

function listen(canvas, chart, choose) {
  const place = event => chart.getElementsAtEventForMode(event, 'index', { intersect: false }, true)[0]?.index
  let start = null
  canvas.classList.add('brush')
  canvas.addEventListener('pointerdown', event => { start = place(event) ?? null })
  canvas.addEventListener('pointermove', event => {
    const now = place(event)
    if (start === null || now === undefined || !event.buttons) return
    chart.range = { from: Math.min(start, now), to: Math.max(start, now) }
    paint(chart)
  })
  canvas.addEventListener('pointerup', event => {
    const end = place(event)
    if (start !== null && end !== undefined) choose(Math.min(start, end), Math.max(start, end))
    start = null
  })
}
