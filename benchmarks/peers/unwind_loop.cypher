// unwind_loop: the plain, repeatable way to load purchases, as in tutorials
// $rows: list   maps of customer_id, article_id, t_dat, price, sales_channel_id, quantity
// :params {rows: [{customer_id: '1', article_id: '0108775015', t_dat: date('2020-09-01'), price: 0.05, sales_channel_id: 2, quantity: 1}]}
UNWIND $rows AS row
MERGE (c:Customer {customer_id: row.customer_id})
MERGE (a:Article {article_id: row.article_id})
MERGE (c)-[b:BOUGHT {t_dat: row.t_dat, price: row.price, sales_channel_id: row.sales_channel_id}]->(a)
SET b.quantity = row.quantity
