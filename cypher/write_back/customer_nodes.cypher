// customer_nodes: every customer's node number and id
// returns node, id
MATCH (c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL
RETURN id(c) AS node, c.customer_id AS id
