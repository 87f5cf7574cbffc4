// known_purchases: these customers' purchases as lists of [article_id, yyyymmdd, price, sales_channel_id, quantity]
// $ids: list   customer ids
// :params {ids: ['1', '2']}
// returns customer_id, purchases
UNWIND $ids AS id
MATCH (c:Customer {customer_id: id})-[b:BOUGHT]->(a:Article)
RETURN id AS customer_id, collect([a.article_id, b.t_dat.year * 10000 + b.t_dat.month * 100 + b.t_dat.day,
  b.price, b.sales_channel_id, b.quantity]) AS purchases
