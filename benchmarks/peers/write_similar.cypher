// write_similar: store the nearest neighbours of a customer, weighted as in user_based_cf, for similar_cf
//
// $customer_id: string
// $neighbours: list
// returns written
MATCH (c:Customer {customer_id: $customer_id})
UNWIND $neighbours AS neighbour
MATCH (n:Customer {customer_id: neighbour[0]})
CREATE (c)-[:SIMILAR {similarity: neighbour[1]}]->(n)
RETURN count(*) AS written
