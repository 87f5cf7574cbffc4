// passing_articles: articles that pass a recommender's filters
//
// $as_of: date = null              recommend as of that day, from earlier purchases only
// $include_unavailable: boolean = false   include articles that are out of stock or not sold on that day
// $only: list = null               only articles with these ids
// $exclude: list = []              no articles with these ids
// $where: list = []                conditions on properties, such as [[['department_name', 'in', ['GROCERY']]]]; docs/filters.md
// $max_price: float = null         only articles sold for at most this price
// $in_season: integer = null       only articles sold within this many days
// :param [{as_of, include_unavailable, only, exclude, where, max_price, in_season}] => { RETURN null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season }
// returns article_id
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN coalesce(date($as_of), max(day) + duration({days: 1})) AS until, coalesce(date($as_of) <= max(day), false) AS is_past
}
CALL () {
  UNWIND CASE WHEN $only IS NULL THEN [true] ELSE [] END AS every
  CALL (every) { MATCH (a:Article) RETURN a }
  RETURN a
  UNION ALL
  UNWIND $only AS id
  MATCH (a:Article {article_id: id})
  RETURN DISTINCT a
}
WITH until, is_past, a
WHERE a.article_id IS :: STRING NOT NULL
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
RETURN a.article_id AS article_id
