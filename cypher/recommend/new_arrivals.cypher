// new_arrivals: articles that were never sold yet, from the departments that the customer buys from
//
//   taste(c,d) = share of department d in c's purchases, each weighted 0.5 ^ (age in days / half_life)
//   score(c,a) = taste(c, department of a) / rank of a among the department's articles without a purchase before $as_of
//                that pass the filters, highest article_id first, because shops number articles in order of arrival
// `hmrec relate` writes the 500 highest article_ids that each department never sold as RECEIVED. They are read instead of all its articles if the
// request has no filters but availability, and they know all but the last $fresh days.
//
// $customer_id: string
// $k: integer = 12                 number of articles
// $new_only: boolean = false       no effect: nobody bought these articles
// $as_of: date = null              recommend as of that day, from earlier purchases only
// $include_unavailable: boolean = false   include articles that are out of stock or not sold on that day
// $only: list = null               only articles with these ids
// $exclude: list = []              no articles with these ids
// $where: list = []                conditions on properties, such as [[['department_name', 'in', ['GROCERY']]]]; docs/filters.md
// $max_price: float = null         if set, no articles: they have no price yet
// $in_season: integer = null       if set, no articles: they were not sold yet
// $half_life: float = 42.0         days after which a purchase counts half
// $departments: integer = 5        number of departments, those of largest taste
// $fresh: integer = 7              days that RECEIVED need not know; -1: read all articles
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, half_life, departments, fresh}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 42.0 AS half_life, 5 AS departments, 7 AS fresh }
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
    WHEN r.received IS NOT NULL AND duration.inDays(r.until, until).days <= $fresh
      AND $only IS NULL AND $exclude = [] AND $where = [] AND $max_price IS NULL AND $in_season IS NULL THEN r.version
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
UNWIND tastes[..$departments] AS item
WITH c, until, is_past, version, item[0] AS d, item[1] / total AS taste
CALL (d, until, is_past, version) {
  CALL (d, version) {
    WITH * WHERE version IS NOT NULL
    MATCH (d)-[r:RECEIVED]->(a:Article)
    WHERE r.version = version
    RETURN a
    UNION ALL
    WITH * WHERE version IS NULL
    MATCH (d)<-[:IN_DEPARTMENT]-(a:Article)
    RETURN a
  }
  WITH *
  WHERE $max_price IS NULL AND $in_season IS NULL
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
  RETURN collect(a) AS arrived
}
UNWIND range(0, size(arrived) - 1) AS place
WITH c, until, d, arrived[place] AS a, taste / (place + 1) AS score
WHERE NOT ($new_only AND EXISTS { MATCH (c)-[o:BOUGHT]->(a) WHERE o.t_dat < until })
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       'new in ' + coalesce(d.department_name, 'a department') + ', where you buy' AS because
