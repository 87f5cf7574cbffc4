// neighbourhood: a customer, what they bought and who else bought it, to draw in Neo4j Browser
// $customer_id: string
// $paths: integer = 50   maximum number of paths
// :param [{customer_id, paths}] => { RETURN '1' AS customer_id, 50 AS paths }
// returns path
MATCH path = (c:Customer {customer_id: $customer_id})-[:BOUGHT]->(a:Article)<-[:BOUGHT]-(n:Customer)
WHERE n <> c AND a.article_id IS :: STRING NOT NULL AND n.customer_id IS :: STRING NOT NULL
RETURN path
LIMIT $paths
