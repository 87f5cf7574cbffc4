// load_purchases: purchases, one row per customer; an existing purchase keeps the larger quantity
// $rows: list   maps of customer_id and purchases, lists of [article_id, t_dat, price, sales_channel_id, quantity]
// :param [{rows}] => { RETURN [{customer_id: '1', purchases: [['0108775015', date('2020-09-01'), 0.05, 2, 1]]}] AS rows }
UNWIND $rows AS row
MATCH (c:Customer {customer_id: row.customer_id})
UNWIND row.purchases AS p
MATCH (a:Article {article_id: p[0]})
MERGE (c)-[b:BOUGHT {t_dat: p[1], price: p[2], sales_channel_id: p[3]}]->(a)
SET b.article_id = p[0], b.quantity = CASE WHEN b.quantity >= p[4] THEN b.quantity ELSE p[4] END
