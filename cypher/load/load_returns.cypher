// load_returns: record returns in files, one relationship for each customer, article and day; a larger quantity stays
// They have no event_id. settle_purchases then derives BOUGHT.
// $rows: list   maps of customer_id, article_id, t_dat and quantity
// :param [{rows}] => { RETURN [{customer_id: '1', article_id: '0108775015', t_dat: date('2020-09-01'), quantity: 1}] AS rows }
UNWIND $rows AS row
MATCH (c:Customer {customer_id: row.customer_id})
MATCH (a:Article {article_id: row.article_id})
OPTIONAL MATCH (c)-[r:RETURNED {t_dat: row.t_dat}]->(a)
WHERE r.event_id IS NULL
FOREACH (_ IN CASE WHEN r IS NULL THEN [1] ELSE [] END |
  CREATE (c)-[:RETURNED {t_dat: row.t_dat, quantity: row.quantity}]->(a))
FOREACH (_ IN CASE WHEN r.quantity < row.quantity THEN [1] ELSE [] END | SET r.quantity = row.quantity)
