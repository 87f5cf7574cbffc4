// Lists and audiences as CSV files, made of what the page shows.
const COLUMNS = ['customer_id', 'rank', 'article_id', 'prod_name', 'colour', 'department', 'price', 'score', 'method', 'because']

// Spreadsheets run texts that begin with these characters as formulas; an apostrophe prevents it.
const guard = value => typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
const quote = value => `"${String(guard(value) ?? '').replaceAll('"', '""')}"`

const writeCsv = (columns, rows) => [columns, ...rows.map(row => columns.map(name => quote(row[name])))].map(cells => cells.join(',')).join('\r\n') + '\r\n'

export function saveCsv({ customer, method, rows }) {
  const of = customer === null ? '' : `-${customer.replace(/[^\w-]+/g, '_').slice(0, 40)}`
  saveTable(`recommendations${of}-${method}.csv`, COLUMNS, rows.map(row => ({ ...row, customer_id: customer, rank: row.place })))
}

// Save rows as a file: the named columns, in this order.
export function saveTable(name, columns, rows) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob(['\ufeff', writeCsv(columns, rows)], { type: 'text/csv' })) // the mark lets Excel read UTF-8
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}
