// textbook_cf: user-based collaborative filtering as in textbooks and tutorials; the peer of benchmarks/cf.py
//
//   similarity(c,n) = |articles both bought| / sqrt(|c's articles| * |n's articles|)   (cosine of the sets)
//   score(c,a) = sum of similarity(c,n) over the $neighbours nearest customers n who bought a
//
// $customer_id: string
// $k: integer = 12             number of articles
// $new_only: boolean = false   exclude articles that the customer bought before
// $as_of: date = null          recommend as of that day, from earlier purchases only
// $neighbours: integer = 50    number of neighbours
// :param [{customer_id, k, new_only, as_of, neighbours}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, 50 AS neighbours }
// returns article_id, score
MATCH (c:Customer {customer_id: $customer_id})-[b1:BOUGHT]->(shared:Article)<-[b2:BOUGHT]-(n:Customer)
WHERE n <> c AND ($as_of IS NULL OR b1.t_dat < date($as_of) AND b2.t_dat < date($as_of))
WITH c, n, count(DISTINCT shared) AS both
WITH c, n, both / sqrt(COUNT { MATCH (n)-[b:BOUGHT]->(a) WHERE $as_of IS NULL OR b.t_dat < date($as_of) RETURN DISTINCT a }) AS similarity
ORDER BY similarity DESC
LIMIT $neighbours
MATCH (n)-[b:BOUGHT]->(a:Article)
WHERE $as_of IS NULL OR b.t_dat < date($as_of)
WITH DISTINCT c, n, similarity, a
WHERE NOT ($new_only AND EXISTS { MATCH (c)-[o:BOUGHT]->(a) WHERE $as_of IS NULL OR o.t_dat < date($as_of) })
RETURN a.article_id AS article_id, sum(similarity) AS score
ORDER BY score DESC, article_id
LIMIT $k
