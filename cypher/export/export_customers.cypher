// export_customers: the customers of a subgraph, with the properties to use as features
// $properties: list = []      names of properties
// $customers: list = null     customer ids; null for every customer
// $limit: integer = null      maximum number of customers, in order of their ids
// :param [{properties, customers, limit}] => { RETURN ['age', 'FN'] AS properties, null AS customers, 12 AS limit }
// returns node, customer_id, values
MATCH (c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL AND ($customers IS NULL OR c.customer_id IN $customers)
WITH c, c.customer_id AS customer_id
ORDER BY customer_id
LIMIT toInteger(coalesce($limit, 9223372036854775807))
RETURN id(c) AS node, customer_id, [name IN $properties | c[name]] AS values
