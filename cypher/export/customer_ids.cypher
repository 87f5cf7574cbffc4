// customer_ids: every customer's id, in order
// returns customer_id
MATCH (c:Customer)
RETURN c.customer_id AS customer_id
ORDER BY customer_id
