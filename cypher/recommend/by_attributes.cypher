// by_attributes: what similar customers buy now, by age, club status, fashion news and post code; needs no history
//
//   likeness(c,n) = 0.5 ^ (years between their ages / $age_span + number of club status, fashion news and post code that differ)
//   score(a) = sum of likeness(c,n) over the purchases of a by n in the $days days before $as_of, or before the day after the last purchase
// Attributes unknown for c are ignored. Attributes unknown for n count as different ($age_span years for the age).
//
// $customer_id: string
// $k: integer = 12                 number of articles
// $new_only: boolean = false       exclude articles that the customer bought before
// $as_of: date = null              recommend as of that day, from earlier purchases only
// $include_unavailable: boolean = false   include articles that are out of stock or not sold on that day
// $only: list = null               only articles with these ids
// $exclude: list = []              no articles with these ids
// $where: list = []                conditions on properties, such as [[['department_name', 'in', ['GROCERY']]]]; docs/filters.md
// $max_price: float = null         only articles sold for at most this price
// $in_season: integer = null       only articles sold within this many days
// $days: integer = 7               number of days that count
// $age_span: float = 5.0           age difference in years that halves the likeness
// $purchases: integer = 100000     use at most this many purchases, the latest, by whole days
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, days, age_span, purchases}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 7 AS days, 5.0 AS age_span, 100000 AS purchases }
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
CALL (until) {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat >= until - duration({days: $days}) AND b.t_dat < until AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  SKIP $purchases - 1 LIMIT 1
  RETURN collect(day) AS found  // not max(day): where no row is found, Neo4j 2026.05 then makes `until` null, too
}
MATCH (c:Customer {customer_id: $customer_id})
WITH c, until, is_past, coalesce(found[0], until - duration({days: $days})) AS since, c.age AS age, c.club_member_status AS status, c.fashion_news_frequency AS news, c.postal_code AS place
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(known)
  WHERE $new_only AND b.t_dat < until
  RETURN collect(DISTINCT known) AS owned
}
CALL (until, since, age, status, news, place) {
  MATCH (n)-[b:BOUGHT]->(a)
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat >= since AND b.t_dat < until AND b.article_id IS :: STRING NOT NULL
  WITH a, 0.5 ^ (
         coalesce(abs(n.age - age) / $age_span, CASE WHEN age IS NULL THEN 0 ELSE 1 END) +
         CASE WHEN status IS NULL OR n.club_member_status = status THEN 0 ELSE 1 END +
         CASE WHEN news IS NULL OR n.fashion_news_frequency = news THEN 0 ELSE 1 END +
         CASE WHEN place IS NULL OR n.postal_code = place THEN 0 ELSE 1 END
       ) AS likeness
  RETURN a, sum(likeness) AS score, count(*) AS purchases
}
WITH until, is_past, owned, age, a, score, purchases
WHERE NOT a IN owned
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
WITH age, a, score, purchases
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       'bought lately by customers like you' + CASE WHEN age IS NULL THEN '' ELSE ', of about ' + age END AS because
