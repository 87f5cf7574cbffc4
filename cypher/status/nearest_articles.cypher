// nearest_articles: articles whose embeddings are nearest to an article's embedding
//
// score(a,x) = cosine of the embeddings that the (:Model) in use learned. The index may miss a few, so twice as many as needed
// are looked up and ranked by exact cosine. Where fewer than $k of them are available, all articles are compared.
// No rows are returned if there is no model, or it does not know the article.
//
// $article_id: string
// $k: integer = 12   number of articles
// $include_unavailable: boolean = false   include articles that are out of stock or not sold now
// :param [{article_id, k, include_unavailable}] => { RETURN '0108775015' AS article_id, 12 AS k, false AS include_unavailable }
// returns article_id, prod_name, score
MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL
MATCH (a:Article {article_id: $article_id})
WITH a, CASE WHEN m.staged THEN 'embedding_staged' ELSE 'embedding' END AS slot
WITH slot, a, a[slot] AS wanted
WHERE wanted IS NOT NULL
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN max(day) + duration({days: 1}) AS until
}
CALL (a, slot, wanted, until) {
  CALL db.index.vector.queryNodes(
    CASE slot WHEN 'embedding' THEN 'article_embedding' ELSE 'article_embedding_staged' END,
    2 * $k + 1,
    wanted
  ) YIELD node AS x
  WITH x
  WHERE x <> a AND x.article_id IS :: STRING NOT NULL
    AND ($include_unavailable OR NOT coalesce(
      x.stock <= 0 OR x.available = false OR until < x.available_from OR until > x.available_until, false))
  RETURN collect(x) AS near
}
CALL (a, slot, until, near) {
  WITH * WHERE size(near) >= $k
  UNWIND near AS x
  RETURN x
  UNION
  WITH * WHERE size(near) < $k
  MATCH (x:Article)
  WHERE x <> a AND x[slot] IS NOT NULL AND x.article_id IS :: STRING NOT NULL
    AND ($include_unavailable OR NOT coalesce(
      x.stock <= 0 OR x.available = false OR until < x.available_from OR until > x.available_until, false))
  RETURN x
}
RETURN x.article_id AS article_id, x.prod_name AS prod_name,
       2 * vector.similarity.cosine(x[slot], wanted) - 1 AS score  // Neo4j's lies between 0 and 1
ORDER BY score DESC, article_id
LIMIT $k
