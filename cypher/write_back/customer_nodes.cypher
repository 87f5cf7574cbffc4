// customer_nodes: every customer's node number and id
// returns node, id
MATCH (c:Customer)
RETURN id(c) AS node, c.customer_id AS id
