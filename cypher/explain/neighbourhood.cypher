// neighbourhood: a customer, what they bought and who else bought it, to draw in Neo4j Browser
// $customer_id: string
// $paths: integer = 50   maximum number of paths
// :param [{customer_id, paths}] => { RETURN '1' AS customer_id, 50 AS paths }
// returns path
MATCH path = (c:Customer {customer_id: $customer_id})-[:BOUGHT]->(:Article)<-[:BOUGHT]-(n:Customer)
WHERE n <> c
RETURN path
LIMIT $paths
