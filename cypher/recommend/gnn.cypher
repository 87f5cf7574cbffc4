// gnn: articles whose embeddings are nearest to the customer's
//
// score(c,a) = cosine of the embeddings that the graph neural network learned and wrote back. The (:Model) in use says
// which of two properties holds them, so that readers see a complete version or none. SEARCH (Cypher 25) needs the name of
// the index in the query text and cannot follow that choice; db.index.vector.queryNodes can.
// The index is approximate and may miss a few, so four times as many articles as needed are looked up and ranked by exact cosine.
// Of the 300 nearest, 20 households of Complete Journey owned 35 in the median and 94 at most. So more are looked up for customers
// who own many. If fewer than $k pass the filters, all articles that pass are compared.
// A model was trained on all purchases before its day `until`. For an earlier day it would leak the future, so it returns nothing.
//
// $customer_id: string
// $k: integer = 12             number of articles
// $new_only: boolean = false   exclude articles that the customer bought before; one more is looked up for every eight of those
// $as_of: date = null          recommend as of that day, from earlier purchases only
// $include_unavailable: boolean = false   include articles that are out of stock or not sold on that day
// $only: list = null           only articles with these ids
// $exclude: list = []          no articles with these ids
// $where: list = []            conditions on properties, such as [[['department_name', 'in', ['GROCERY']]]]; docs/filters.md
// $max_price: float = null     only articles sold for at most this price
// $in_season: integer = null   only articles sold within this many days
// $reasons: boolean = true     give reasons; false saves time if the customer bought much
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, reasons}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, true AS reasons }
// returns article_id, score, because
MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN coalesce(date($as_of), max(day) + duration({days: 1})) AS until, coalesce(date($as_of) <= max(day), false) AS is_past
}
MATCH (c:Customer {customer_id: $customer_id})
WITH c, m.until AS trained_until, CASE WHEN m.staged THEN 'embedding_staged' ELSE 'embedding' END AS slot, until, is_past
WITH slot, c, c[slot] AS wanted, trained_until, until, is_past
WHERE wanted IS NOT NULL AND ($as_of IS NULL OR until >= trained_until)
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(a:Article)
  WHERE b.t_dat < until
  RETURN collect(DISTINCT a) AS owned
}
CALL (slot, wanted, owned, until, is_past) {
  CALL db.index.vector.queryNodes(
    CASE slot WHEN 'embedding' THEN 'article_embedding' ELSE 'article_embedding_staged' END,
    4 * $k + CASE WHEN $new_only THEN size(owned) / 8 ELSE 0 END,
    wanted
  ) YIELD node AS a
  WITH a
  WHERE NOT ($new_only AND a IN owned)
    AND a.article_id IS :: STRING NOT NULL
    AND NOT a.article_id IN $exclude AND ($only IS NULL OR a.article_id IN $only)
    AND ($include_unavailable OR NOT coalesce(
      NOT is_past AND (a.stock <= 0 OR a.available = false) OR until < a.available_from OR until > a.available_until, false))
    AND all(clause IN $where WHERE any(test IN clause WHERE any(value IN [CASE test[0] WHEN 'price' THEN COLLECT {
        MATCH (a)<-[b:BOUGHT]-()
        USING INDEX b:BOUGHT(article_id, t_dat)
        WHERE b.article_id = a.article_id AND b.t_dat < until AND b.price IS NOT NULL
        RETURN b.price ORDER BY b.article_id DESC, b.t_dat DESC, b.price LIMIT 1
      }[0] ELSE a[test[0]] END] WHERE CASE test[1]
        WHEN 'in' THEN value IN test[2] WHEN 'not in' THEN NOT value IN test[2]
        WHEN '<' THEN value < test[2] WHEN '<=' THEN value <= test[2]
        WHEN '>' THEN value > test[2] WHEN '>=' THEN value >= test[2]
        WHEN 'is null' THEN value IS NULL WHEN 'is not null' THEN value IS NOT NULL
      END)))
    AND ($max_price IS NULL AND $in_season IS NULL OR EXISTS {
      MATCH (a)<-[b:BOUGHT]-()
      USING INDEX b:BOUGHT(article_id, t_dat)
      WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: coalesce($in_season, 1000000)}) AND b.t_dat < until
        AND ($max_price IS NULL OR b.price <= $max_price)
    })
  RETURN collect(a) AS near
}
CALL (slot, owned, until, is_past, near) {
  WITH * WHERE size(near) >= $k
  UNWIND near AS a
  RETURN a
  UNION
  WITH * WHERE size(near) < $k
  MATCH (a:Article)
  WHERE a[slot] IS NOT NULL AND NOT ($new_only AND a IN owned)
    AND a.article_id IS :: STRING NOT NULL
    AND NOT a.article_id IN $exclude AND ($only IS NULL OR a.article_id IN $only)
    AND ($include_unavailable OR NOT coalesce(
      NOT is_past AND (a.stock <= 0 OR a.available = false) OR until < a.available_from OR until > a.available_until, false))
    AND all(clause IN $where WHERE any(test IN clause WHERE any(value IN [CASE test[0] WHEN 'price' THEN COLLECT {
        MATCH (a)<-[b:BOUGHT]-()
        USING INDEX b:BOUGHT(article_id, t_dat)
        WHERE b.article_id = a.article_id AND b.t_dat < until AND b.price IS NOT NULL
        RETURN b.price ORDER BY b.article_id DESC, b.t_dat DESC, b.price LIMIT 1
      }[0] ELSE a[test[0]] END] WHERE CASE test[1]
        WHEN 'in' THEN value IN test[2] WHEN 'not in' THEN NOT value IN test[2]
        WHEN '<' THEN value < test[2] WHEN '<=' THEN value <= test[2]
        WHEN '>' THEN value > test[2] WHEN '>=' THEN value >= test[2]
        WHEN 'is null' THEN value IS NULL WHEN 'is not null' THEN value IS NOT NULL
      END)))
    AND ($max_price IS NULL AND $in_season IS NULL OR EXISTS {
      MATCH (a)<-[b:BOUGHT]-()
      USING INDEX b:BOUGHT(article_id, t_dat)
      WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: coalesce($in_season, 1000000)}) AND b.t_dat < until
        AND ($max_price IS NULL OR b.price <= $max_price)
    })
  RETURN a
}
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
