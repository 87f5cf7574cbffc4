// find_customers: customers whose ids begin with the given text, sorted by id
// $start: string = ''   first characters of the id
// $k: integer = 20      number of customers
// :param [{start, k}] => { RETURN '1' AS start, 20 AS k }
// returns customer_id, bought
MATCH (c:Customer)
WHERE c.customer_id STARTS WITH $start
WITH c
ORDER BY c.customer_id
LIMIT $k
RETURN c.customer_id AS customer_id, COUNT { (c)-[:BOUGHT]->() } AS bought
ORDER BY customer_id
