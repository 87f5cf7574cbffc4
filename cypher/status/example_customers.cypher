// example_customers: customers to try things on: with few, typical and many purchases, and one without
// Of the first $sample customers by id: those at the 10th, 50th and 99th percentile of the buyers, and the first without a purchase.
// $sample: integer = 10000   number of customers to choose from
// :param [{sample}] => { RETURN 10000 AS sample }
// returns kind, customer_id, bought
MATCH (c:Customer)
WHERE c.customer_id STARTS WITH ''
WITH c
ORDER BY c.customer_id
LIMIT $sample
WITH c.customer_id AS customer_id, COUNT { (c)-[:BOUGHT]->() } AS bought
ORDER BY bought, customer_id
WITH collect({customer_id: customer_id, bought: bought}) AS sampled
WITH [one IN sampled WHERE one.bought > 0] AS buyers, [one IN sampled WHERE one.bought = 0] AS others
UNWIND [['few', 0.1], ['typical', 0.5], ['many', 0.99], ['none', null]] AS wanted
WITH wanted[0] AS kind, CASE WHEN wanted[1] IS NULL THEN others[0] ELSE buyers[toInteger(wanted[1] * (size(buyers) - 1))] END AS one
WHERE one IS NOT NULL
RETURN kind, one.customer_id AS customer_id, one.bought AS bought
