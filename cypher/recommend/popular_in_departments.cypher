// popular_in_departments: articles that sell now in the departments that the customer buys from
//
//   taste(c,d) = share of department d in c's purchases, each weighted 0.5 ^ (age in days / half_life)
//   score(c,a) = taste(c, department of a) * purchases of a in the $days days before $as_of, or before the day after the last purchase
// `hmrec relate` writes the 500 best sellers of each department as SELLS, with their purchases in 7 days. They are read if $days is 7, they know
// all but the last $fresh days, and of each department $k articles are left, or it has all. Otherwise the purchases are counted.
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
// $half_life: float = 42.0         days after which a purchase counts half
// $days: integer = 7               number of days that count
// $departments: integer = 5        number of departments, those of largest taste
// $seeks: integer = 5000           if they have more articles, scan all purchases of the days instead of each article's
// $fresh: integer = 7              days that SELLS need not know; -1: count the purchases
// $listed: integer = 500           a stored list of fewer articles has all that were bought
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, half_life, days, departments, seeks, fresh, listed}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 42.0 AS half_life, 7 AS days, 5 AS departments, 5000 AS seeks, 7 AS fresh, 500 AS listed }
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
    WHEN r.days = $days AND duration.inDays(r.until, until).days <= $fresh THEN r.version
  END AS version
}
MATCH (c:Customer {customer_id: $customer_id})
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(known)-[:IN_DEPARTMENT]->(d:Department)
  WHERE b.t_dat < until
  WITH d, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight
  ORDER BY round(weight, 12) DESC, d.department_no
  RETURN collect([d, weight]) AS tastes, sum(weight) AS total
}
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(known)
  WHERE $new_only AND b.t_dat < until
  RETURN collect(DISTINCT known) AS owned
}
CALL (until, is_past, tastes, total, owned, version) {
  WITH * WHERE version IS NOT NULL
  UNWIND tastes[..$departments] AS item
  WITH until, is_past, owned, version, item[0] AS d, item[1] / total AS taste
  CALL (until, is_past, owned, version, d) {
    MATCH (d)-[r:SELLS]->(a:Article)
    WHERE r.version = version AND NOT a IN owned
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
    RETURN collect([a, purchases]) AS best
  }
  WITH d, taste, best, size(best) = $k OR COUNT { MATCH (d)-[r:SELLS]->() WHERE r.version = version } < $listed AS is_enough
  RETURN collect([d, taste, best]) AS listed, coalesce(min(CASE WHEN is_enough THEN 1 ELSE 0 END) = 1, false) AS is_enough
}
CALL (tastes) {
  UNWIND tastes[..$departments] AS item
  WITH item[0] AS d
  RETURN sum(COUNT { (d)<-[:IN_DEPARTMENT]-() }) AS articles
}
CALL (until, tastes, total, articles, listed, is_enough) {
  WITH * WHERE is_enough
  UNWIND listed AS item
  UNWIND item[2] AS best
  RETURN item[0] AS d, item[1] AS taste, best[0] AS a, best[1] AS purchases
  UNION ALL
  WITH * WHERE NOT is_enough AND articles <= $seeks
  UNWIND tastes[..$departments] AS item
  WITH until, item[0] AS d, item[1] / total AS taste
  MATCH (d)<-[:IN_DEPARTMENT]-(a:Article)
  WITH d, taste, a, COUNT {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: $days}) AND b.t_dat < until
  } AS purchases
  WHERE purchases > 0
  RETURN d, taste, a, purchases
  UNION ALL
  WITH * WHERE NOT is_enough AND articles > $seeks
  CALL (until) {
    MATCH ()-[b:BOUGHT]->(a)
    USING INDEX b:BOUGHT(t_dat)
    WHERE b.t_dat >= until - duration({days: $days}) AND b.t_dat < until AND b.article_id IS :: STRING NOT NULL
    RETURN a, count(*) AS purchases
  }
  MATCH (a)-[:IN_DEPARTMENT]->(d:Department)
  WITH d, a, purchases, [item IN tastes[..$departments] WHERE item[0] = d | item[1] / total] AS found
  WHERE size(found) > 0
  RETURN d, found[0] AS taste, a, purchases
}
WITH until, is_past, d, taste, a, purchases, owned
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
WITH a, d, purchases, taste * purchases AS score
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       'bought ' + CASE purchases WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE purchases + ' times' END + ' in the last ' + $days +
       ' days, in ' + coalesce(d.department_name, 'a department') + ', where you buy' AS because
