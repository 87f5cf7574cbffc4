// popular_in_segment: articles that customers of the same age band and club status bought in the last days
//
// score(a) = number of purchases of a by customers of the segment in the $days days before $as_of, or before the day after the
// last purchase. The segment is all customers within $age_span years and of the same club status. What is unknown about the
// customer does not narrow it. Works for customers without a history.
// `hmrec relate` writes the 500 best sellers of each segment as BUYS, counted with these defaults. They are read if the parameters are the same,
// they know all but the last $fresh days, and $k articles of them are left, or they have all. Otherwise the purchases are counted.
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
// $age_span: integer = 5           maximum age difference in years
// $purchases: integer = 100000     use at most this many purchases, the latest, by whole days
// $fresh: integer = 1              days that BUYS need not know; -1: count the purchases
// $listed: integer = 500           a stored list of fewer articles has all that were bought
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, days, age_span, purchases, fresh, listed}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 7 AS days, 5 AS age_span, 100000 AS purchases, 1 AS fresh, 500 AS listed }
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
  OPTIONAL MATCH (current:RelationsInForce)
  WITH current.version AS version
  OPTIONAL MATCH (r:Relations {version: version})
  WHERE $as_of IS NULL OR r.until <= date($as_of)
  RETURN CASE
    WHEN duration.inDays(r.until, until).days <= $fresh THEN r.version
  END AS version
}
MATCH (c:Customer {customer_id: $customer_id})
CALL (c, version) {
  OPTIONAL MATCH (g:CustomerGroup {version: version, method: 'popular_in_segment'})
  WHERE g.days = $days AND g.age_span = $age_span AND g.purchases = $purchases
    AND (g.age = c.age OR g.age IS NULL AND c.age IS NULL)
    AND (g.club_member_status = c.club_member_status OR g.club_member_status IS NULL AND c.club_member_status IS NULL)
  RETURN g
  LIMIT 1
}
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(known)
  WHERE $new_only AND b.t_dat < until
  RETURN collect(DISTINCT known) AS owned
}
CALL (until, is_past, owned, g) {
  WITH * WHERE g IS NOT NULL
  MATCH (g)-[r:BUYS]->(a:Article)
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
  WITH a, r.purchases AS purchases
  ORDER BY purchases DESC, a.article_id
  LIMIT $k
  RETURN collect([a, purchases]) AS listed
}
WITH c, until, is_past, owned, g, listed, g IS NOT NULL AND (size(listed) = $k OR COUNT { (g)-[:BUYS]->() } < $listed) AS is_enough
CALL (c, until, g, listed, is_enough) {
  WITH * WHERE is_enough
  UNWIND listed AS item
  RETURN item[0] AS a, item[1] AS purchases, g.counted AS counted
  UNION ALL
  WITH * WHERE NOT is_enough
  CALL (until) {
    MATCH ()-[b:BOUGHT]->()
    USING INDEX b:BOUGHT(t_dat)
    WHERE b.t_dat >= until - duration({days: $days}) AND b.t_dat < until AND b.article_id IS :: STRING NOT NULL
    WITH b.t_dat AS day
    ORDER BY day DESC
    SKIP $purchases - 1 LIMIT 1
    RETURN collect(day) AS found  // not max(day): where no row is found, Neo4j 2026.05 then makes `until` null, too
  }
  WITH until, coalesce(found[0], until - duration({days: $days})) AS since, c.age AS age, c.club_member_status AS status
  MATCH (n)-[b:BOUGHT]->(a)
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat >= since AND b.t_dat < until AND b.article_id IS :: STRING NOT NULL
    AND (age IS NULL OR n.age >= age - $age_span AND n.age <= age + $age_span)
    AND (status IS NULL OR n.club_member_status = status)
  RETURN a, count(*) AS purchases, duration.inDays(since, until).days AS counted
}
WITH c, until, is_past, owned, a, purchases, counted
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
WITH c, a, purchases, counted
ORDER BY purchases DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, toFloat(purchases) AS score,
       'bought ' + CASE purchases WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE purchases + ' times' END + ' by customers' +
       CASE WHEN c.age IS NULL THEN '' ELSE ' of about ' + c.age END + ' in the last ' + counted + ' days' AS because
