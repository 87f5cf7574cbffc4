// stored_relations: the articles that each article is related to, by one type and version of the article relationships
// $version: integer
// $relationship: string
// :param [{version, relationship}] => { RETURN 1 AS version, 'BOUGHT_WITH' AS relationship }
// returns article_id, others, scores
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
CALL (a) {
  MATCH (a)-[r:BOUGHT_WITH|BOUGHT_AFTER]->(x:Article)
  WHERE r.version = $version AND type(r) = $relationship AND x.article_id IS :: STRING NOT NULL
  RETURN collect(x.article_id) AS others, collect(r.score) AS scores
}
WITH a, others, scores
WHERE size(others) > 0
RETURN a.article_id AS article_id, others, scores
