// similar_cf: user_based_cf with stored neighbours, (:Customer)-[:SIMILAR {similarity}]->(:Customer)
//
// $customer_id: string
// $k: integer = 12
// $half_life: float = 42.0
// $own_weight: float = 2.0
// returns article_id, score
CALL () {
  MATCH ()-[b:BOUGHT]->()
  WHERE b.t_dat < date('9999-12-31')
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN max(day) + duration({days: 1}) AS until
}
MATCH (c:Customer {customer_id: $customer_id})-[s:SIMILAR]->(n)
CALL (n, until) {
  MATCH (n)-[b:BOUGHT]->(a)
  RETURN a, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight
}
WITH a, sum(CASE WHEN n = c THEN $own_weight ELSE 1 END * s.similarity * weight) AS score
ORDER BY score DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score
