// unsold: articles that were never sold yet, the newest first; needs no history
//
//   score(a) = 1 / rank of a among the articles without a purchase before $as_of that pass the filters, highest article_id first, because shops
//              number articles in order of arrival
// It ends lists that the other recommenders leave too short, such as lists of a new collection.
//
// $customer_id: string = ''         no effect: everyone gets the same list
// $k: integer = 12                 number of articles
// $new_only: boolean = false       no effect: nobody bought these articles
// $as_of: date = null              recommend as of that day, from earlier purchases only
// $include_unavailable: boolean = false   include articles that are out of stock or not sold on that day
// $only: list = null               only articles with these ids
// $exclude: list = []              no articles with these ids
// $where: list = []                conditions on properties, such as [[['department_name', 'in', ['GROCERY']]]]; docs/filters.md
// $max_price: float = null         if set, no articles: they have no price yet
// $in_season: integer = null       if set, no articles: they were not sold yet
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season}] => { RETURN '' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season }
// returns article_id, score, because
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN coalesce(date($as_of), max(day) + duration({days: 1})) AS until, coalesce(date($as_of) <= max(day), false) AS is_past
}
CALL (until, is_past) {
  WITH * WHERE $max_price IS NULL AND $in_season IS NULL
  MATCH (a:Article)
  USING INDEX a:Article(article_id)
  WHERE a.article_id STARTS WITH ''
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
    AND CASE
      WHEN $as_of IS NULL THEN COUNT { (a)<-[:BOUGHT]-() } = 0
      ELSE NOT EXISTS {
        MATCH (a)<-[b:BOUGHT]-()
        USING INDEX b:BOUGHT(article_id, t_dat)
        WHERE b.article_id = a.article_id AND b.t_dat < until
      }
    END
  WITH a
  ORDER BY a.article_id DESC
  LIMIT $k
  RETURN collect(a) AS found
}
UNWIND range(0, size(found) - 1) AS place
WITH until, found[place] AS a, 1.0 / (place + 1) AS score
WHERE NOT ($new_only AND EXISTS { MATCH (:Customer {customer_id: $customer_id})-[o:BOUGHT]->(a) WHERE o.t_dat < until })
RETURN a.article_id AS article_id, score, 'new: nobody has bought it yet' AS because
ORDER BY score DESC, article_id
