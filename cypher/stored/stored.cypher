// stored: a customer's list as `hmrec recommend --all --write` stored it, without the articles that are unavailable now
//
// Only availability is read live: method, filters, rules and reasons are those of the time of writing.
// written and until: that time, and the day after the last purchase that the lists know; today: the day after the graph's last purchase.
// method: the recommender that proposed the article, or `rule`.
//
// $customer_id: string
// $k: integer = 12                 number of articles
// $include_unavailable: boolean = false   include articles that are out of stock or not sold now
// :param [{customer_id, k, include_unavailable}] => { RETURN '1' AS customer_id, 12 AS k, false AS include_unavailable }
// returns article_id, prod_name, score, because, method, rank, version, written, until, today
MATCH (now:ListsInForce)
WITH now.version AS version
MATCH (l:Lists {version: version})
WHERE l.k IS :: INTEGER NOT NULL
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN max(day) + duration({days: 1}) AS today
}
MATCH (c:Customer {customer_id: $customer_id})-[r:RECOMMENDED]->(a:Article)
WHERE r.version = version AND a.article_id IS :: STRING NOT NULL
  AND ($include_unavailable OR NOT coalesce(
    a.stock <= 0 OR a.available = false OR today < a.available_from OR today > a.available_until, false))
WITH a, r, l, today
ORDER BY r.rank
LIMIT $k
RETURN a.article_id AS article_id, a.prod_name AS prod_name, r.score AS score, r.because AS because, r.method AS method,
       r.rank AS rank, l.version AS version, toString(l.created) AS written, l.until AS until, today
