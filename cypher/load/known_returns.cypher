// known_returns: the units of returns in files that the graph has, by customer, article and day
// $rows: list   maps of customer_id, article_id and t_dat
// :param [{rows}] => { RETURN [{customer_id: '1', article_id: '0108775015', t_dat: date('2020-09-01')}] AS rows }
// returns index, quantity
UNWIND range(0, size($rows) - 1) AS index
WITH index, $rows[index] AS row
MATCH (c:Customer {customer_id: row.customer_id})-[r:RETURNED {t_dat: row.t_dat}]->(a:Article {article_id: row.article_id})
WHERE r.event_id IS NULL
RETURN index, max(r.quantity) AS quantity
