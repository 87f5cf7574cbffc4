// write_similar: keep a customer's nearest neighbours, as user_based_cf weighs them, for similar_cf
//
// $customer_id: string
// $neighbours: list
// returns written
MATCH (c:Customer {customer_id: $customer_id})
UNWIND $neighbours AS neighbour
MATCH (n:Customer {customer_id: neighbour[0]})
CREATE (c)-[:SIMILAR {similarity: neighbour[1]}]->(n)
RETURN count(*) AS written
