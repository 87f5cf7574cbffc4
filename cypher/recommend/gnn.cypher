// gnn: articles whose embeddings are nearest to the customer's
//
// score(c,a) = cosine of the embeddings that the graph neural network learned and wrote back. The (:Model) in use says
// which of two properties holds them, so that readers see a complete version or none. SEARCH (Cypher 25) needs the name of
// the index in the query text and cannot follow that choice; db.index.vector.queryNodes can.
// The index is approximate and may miss a few, so four times as many articles as needed are looked up and ranked by exact cosine.
// With a filter, the index would return too few, so all articles that pass are compared.
// A model was trained on all purchases before its day `until`. For an earlier day it would leak the future, so it returns nothing.
//
// $customer_id: string
// $k: integer = 12             number of articles
// $new_only: boolean = false   exclude articles that the customer bought before; that many more are looked up, so no list is short
// $as_of: date = null          recommend as of that day, from earlier purchases only
// $department: string = null   only articles of the department with this name
// $colour: string = null       only articles of the colour group with this name
// $max_price: float = null     only articles sold for at most this price
// $in_season: integer = null   only articles sold within this many days
// $reasons: boolean = true     give reasons; false saves time if the customer bought much
// :param [{customer_id, k, new_only, as_of, department, colour, max_price, in_season, reasons}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, null AS department, null AS colour, null AS max_price, null AS in_season, true AS reasons }
// returns article_id, score, because
MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL
MATCH (c:Customer {customer_id: $customer_id})
WITH c, m.until AS trained_until, CASE WHEN m.staged THEN 'embedding_staged' ELSE 'embedding' END AS slot
WITH slot, c, c[slot] AS wanted, trained_until, coalesce(date($as_of), date('9999-12-31')) AS until
WHERE wanted IS NOT NULL AND ($as_of IS NULL OR until >= trained_until)
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(a:Article)
  WHERE b.t_dat < until
  RETURN collect(DISTINCT a) AS owned
}
CALL (slot, wanted, owned, until) {
  WITH * WHERE coalesce($department, $colour, $max_price, $in_season) IS NULL
  CALL db.index.vector.queryNodes(
    CASE slot WHEN 'embedding' THEN 'article_embedding' ELSE 'article_embedding_staged' END,
    4 * $k + CASE WHEN $new_only THEN size(owned) ELSE 0 END,
    wanted
  ) YIELD node AS a
  RETURN a
  UNION
  WITH * WHERE coalesce($department, $colour, $max_price, $in_season) IS NOT NULL
  CALL () {
    MATCH ()-[b:BOUGHT]->()
    USING INDEX b:BOUGHT(t_dat)
    WHERE b.t_dat < coalesce(date($as_of), date('9999-12-31')) AND b.article_id IS :: STRING NOT NULL
    WITH b.t_dat AS day
    ORDER BY day DESC
    LIMIT 1
    RETURN max(day) + duration({days: 1}) AS today
  }
  MATCH (a:Article)
  WHERE a[slot] IS NOT NULL AND a.article_id IS :: STRING NOT NULL
    AND ($department IS NULL OR a.department_name = $department)
    AND ($colour IS NULL OR a.colour_group_name = $colour)
    AND ($max_price IS NULL AND $in_season IS NULL OR EXISTS {
      MATCH (a)<-[b:BOUGHT]-()
      USING INDEX b:BOUGHT(article_id, t_dat)
      WHERE b.article_id = a.article_id AND b.t_dat < until
        AND b.t_dat >= coalesce(date($as_of), today) - duration({days: coalesce($in_season, 1000000)})
        AND ($max_price IS NULL OR b.price <= $max_price)
    })
  RETURN a
}
WITH slot, wanted, owned, a
WHERE a.article_id IS :: STRING NOT NULL AND NOT ($new_only AND a IN owned)
WITH slot, owned, a, 2 * vector.similarity.cosine(a[slot], wanted) - 1 AS score  // Neo4j's lies between 0 and 1
ORDER BY score DESC, a.article_id
LIMIT $k
CALL (slot, owned, a) {
  WITH * WHERE $reasons
  UNWIND owned AS o
  WITH o
  WHERE o <> a AND o[slot] IS NOT NULL
  WITH o, vector.similarity.cosine(o[slot], a[slot]) AS nearness
  ORDER BY nearness DESC, o.article_id
  LIMIT 1
  RETURN collect(coalesce(o.prod_name, o.article_id)) AS nearest
}
RETURN a.article_id AS article_id, score,
       CASE WHEN a IN owned THEN 'you bought it before'
            WHEN size(nearest) > 0 THEN 'close to what you bought: ' + nearest[0]
            ELSE 'close to what customers like you buy' END AS because
ORDER BY score DESC, article_id
