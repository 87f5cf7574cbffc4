// segment_customers: the customers of a segment in force, those with the most purchases first
// $name: string
// $k: integer = 20      number of customers
// :param [{name, k}] => { RETURN 'GROCERY' AS name, 20 AS k }
// returns customer_id, bought
MATCH (now:SegmentsInForce)
WITH now.version AS version
MATCH (s:Segment {version: version, name: $name})<-[:IN_SEGMENT]-(c:Customer)
RETURN c.customer_id AS customer_id, COUNT { (c)-[:BOUGHT]->() } AS bought
ORDER BY bought DESC, customer_id
LIMIT $k
