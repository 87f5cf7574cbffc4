// customer_nodes: the number of every customer's node, as stored
// returns node, id
MATCH (c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL
RETURN id(c) AS node, c.customer_id AS id
