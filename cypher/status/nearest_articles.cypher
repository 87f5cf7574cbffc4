// nearest_articles: articles whose embeddings are nearest to an article's embedding
//
// score(a,x) = cosine of the embeddings that the (:Model) in use learned. The index may miss a few, so twice as many as needed
// are looked up and ranked by exact cosine. No rows are returned if there is no model, or it does not know the article.
//
// $article_id: string
// $k: integer = 12   number of articles
// :param [{article_id, k}] => { RETURN '0108775015' AS article_id, 12 AS k }
// returns article_id, prod_name, score
MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL
MATCH (a:Article {article_id: $article_id})
WITH a, CASE WHEN m.staged THEN 'embedding_staged' ELSE 'embedding' END AS slot
WITH slot, a, a[slot] AS wanted
WHERE wanted IS NOT NULL
CALL db.index.vector.queryNodes(
  CASE slot WHEN 'embedding' THEN 'article_embedding' ELSE 'article_embedding_staged' END,
  2 * $k + 1,
  wanted
) YIELD node AS x
WITH slot, wanted, x
WHERE x.article_id <> $article_id AND x.article_id IS :: STRING NOT NULL
RETURN x.article_id AS article_id, x.prod_name AS prod_name,
       2 * vector.similarity.cosine(x[slot], wanted) - 1 AS score  // Neo4j's lies between 0 and 1
ORDER BY score DESC, article_id
LIMIT $k
