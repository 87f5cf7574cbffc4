// row_per_purchase: the purchases of some customers, one per row, as in a simple first version
// $customers: list   numbers of customer nodes
// :param [{customers}] => { RETURN [0, 1, 2] AS customers }
// returns customer_id, article_id, t_dat, price, sales_channel_id, quantity
UNWIND $customers AS node
MATCH (c:Customer) WHERE id(c) = node
MATCH (c)-[b:BOUGHT]->(a:Article)
RETURN c.customer_id AS customer_id, a.article_id AS article_id, b.t_dat AS t_dat, b.price AS price,
       b.sales_channel_id AS sales_channel_id, b.quantity AS quantity
