// customers_by_purchases: customers with a history, those with most purchases first
// $skip: integer = 0    number of customers to skip
// $k: integer = 12      number of customers
// :param [{skip, k}] => { RETURN 0 AS skip, 12 AS k }
// returns customer_id, bought
MATCH (c:Customer)
WITH c, COUNT { (c)-[:BOUGHT]->() } AS bought
WHERE bought > 0 AND c.customer_id IS :: STRING NOT NULL
RETURN c.customer_id AS customer_id, bought
ORDER BY bought DESC, customer_id
SKIP $skip LIMIT $k
