// last_purchases: a customer's latest purchases, newest first
// $customer_id: string
// $k: integer = 12   number of purchases
// :param [{customer_id, k}] => { RETURN '1' AS customer_id, 12 AS k }
// returns t_dat, article_id, prod_name, price, quantity
MATCH (c:Customer {customer_id: $customer_id})-[b:BOUGHT]->(a:Article)
WHERE b.t_dat IS :: DATE NOT NULL AND a.article_id IS :: STRING NOT NULL
RETURN b.t_dat AS t_dat, a.article_id AS article_id, a.prod_name AS prod_name, b.price AS price, b.quantity AS quantity
ORDER BY t_dat DESC, article_id
LIMIT $k
