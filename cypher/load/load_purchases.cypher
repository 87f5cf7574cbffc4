// load_purchases: raise the quantity of purchases that the graph has, one row a customer; a larger quantity stays
// of a purchase that events changed, the units in files (loaded) grow; settle_purchases then sets its quantity
// a purchase whose price is missing has no price; null = null is not true, hence the second condition
// $rows: list   maps of customer_id and purchases, lists of [article_id, t_dat, price, sales_channel_id, quantity]
// :param [{rows}] => { RETURN [{customer_id: '1', purchases: [['0108775015', date('2020-09-01'), 0.05, 2, 1]]}] AS rows }
UNWIND $rows AS row
MATCH (c:Customer {customer_id: row.customer_id})
UNWIND row.purchases AS p
MATCH (a:Article {article_id: p[0]})
MATCH (c)-[b:BOUGHT|TAKEN_BACK {t_dat: p[1], sales_channel_id: p[3]}]->(a)
WHERE b.price = p[2] OR b.price IS NULL AND p[2] IS NULL
SET b.article_id = p[0], b.loaded = CASE WHEN b.loaded < p[4] THEN p[4] ELSE b.loaded END,
    b.quantity = CASE WHEN b.loaded IS NOT NULL OR b.quantity >= p[4] THEN b.quantity ELSE p[4] END
