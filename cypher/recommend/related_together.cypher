// related_together: articles that go with the customer's articles, by the relationships between articles
//
//   w(c,a) = sum of 0.5 ^ (age in days / half_life) over c's purchases of a
//   score(c,x) = sum over c's $articles articles a with the largest w(c,a) of w(c,a) * with(a,x), of the $most articles x with the largest with(a,x)
// The query `related` has the formula of with(a,x). `hmrec relate` writes it as BOUGHT_WITH, so that an answer reads a few hundred relationships.
// It is computed from the purchases if there are none, or if they know purchases of $as_of or later.
// A purchase of c counts at once; what others have bought counts from the next `hmrec relate` on.
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
// $articles: integer = 12          start from this many of the customer's articles, those of largest weight
// $most: integer = 30              number of articles related to each
// $related_half_life: float = 42.0   without relationships: days after which a purchase of these customers counts half
// $buyers: integer = 300           without relationships: use this many of the latest purchases of each article, by whole days
// $damping: float = 0.15           how much less a best seller counts; 0: best sellers win
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, half_life, articles, most, related_half_life, buyers, damping}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 42.0 AS half_life, 12 AS articles, 30 AS most, 42.0 AS related_half_life, 300 AS buyers, 0.15 AS damping }
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
CALL () {
  OPTIONAL MATCH (current:RelationsInForce)
  WITH current.version AS version
  OPTIONAL MATCH (r:Relations {version: version})
  WHERE $as_of IS NULL OR r.until <= date($as_of)
  RETURN r.version AS version
}
MATCH (c:Customer {customer_id: $customer_id})
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(a)
  WHERE b.t_dat < until
  WITH a, b.article_id AS article_id, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight
  ORDER BY round(weight, 12) DESC, article_id
  WHERE article_id IS :: STRING NOT NULL
  RETURN collect([a, weight, article_id]) AS own
}
CALL (own, version, until) {
  UNWIND own[..$articles] AS item
  WITH version, until, item[0] AS a, item[1] AS weight, item[2] AS article_id
  CALL (a, article_id, version, until) {
    WITH * WHERE version IS NOT NULL
    MATCH (a)-[r:BOUGHT_WITH]->(x:Article)
    WHERE r.version = version
    RETURN x, r.score AS score, r.customers AS customers
    UNION ALL
    WITH * WHERE version IS NULL
    CALL (a, article_id, until) {
      MATCH (a)<-[b:BOUGHT]-()
      USING INDEX b:BOUGHT(article_id, t_dat)
      WHERE b.article_id = article_id AND b.t_dat < until
      WITH b
      ORDER BY b.article_id DESC, b.t_dat DESC
      SKIP $buyers - 1 LIMIT 1
      RETURN coalesce(max(b.t_dat), date('0001-01-01')) AS since
    }
    CALL (a, article_id, since, until) {
      MATCH (a)<-[b:BOUGHT]-(n)
      USING INDEX b:BOUGHT(article_id, t_dat)
      WHERE b.article_id = article_id AND b.t_dat >= since AND b.t_dat < until
      WITH DISTINCT n, b.t_dat AS day
      WITH collect([n, day]) AS visits, max(day) AS latest
      RETURN [v IN visits | [v[0], v[1], 0.5 ^ (duration.inDays(v[1], latest).days / $related_half_life)]] AS visits
    }
    WITH a, until, visits, reduce(total = 0.0, v IN visits | total + v[2]) AS total
    UNWIND visits AS visit
    WITH a, until, total, visit[0] AS n, visit[1] AS day, visit[2] AS weight
    MATCH (n)-[b:BOUGHT]->(x)
    WHERE b.t_dat = day AND x <> a
    WITH DISTINCT until, total, n, day, weight, x
    WITH until, total, x, sum(weight) AS sum, count(DISTINCT n) AS customers
    WHERE x.article_id IS :: STRING NOT NULL AND sum > 0
    WITH x, customers, sum / (total * CASE
           WHEN $as_of IS NULL THEN COUNT { (x)<-[:BOUGHT]-() }
           ELSE COUNT { MATCH (x)<-[b:BOUGHT]-() USING INDEX b:BOUGHT(article_id, t_dat) WHERE b.article_id = x.article_id AND b.t_dat < until }
         END ^ $damping) AS score
    ORDER BY round(log(score), 12) DESC, x.article_id
    LIMIT $most
    RETURN x, score, customers
  }
  WITH x, a, weight * score AS part, customers
  ORDER BY round(log(part), 12) DESC, a.article_id
  WITH x, sum(part) AS sum, collect([a, customers])[0] AS through
  RETURN collect([x, sum, through]) AS related
}
UNWIND related + [item IN own | [item[0], 0.0, null]] AS item
WITH until, is_past, item[0] AS a, max(item[1]) AS score, collect(item[2])[0] AS through, min(item[1]) = 0 AS is_owned
WHERE score > 0 AND NOT ($new_only AND is_owned)
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
WITH a, score, through, is_owned
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       CASE WHEN is_owned THEN 'you bought it before; ' ELSE '' END +
       'bought on one day with ' + coalesce('your ' + through[0].prod_name, 'what you bought') +
       ' by ' + CASE through[1] WHEN 1 THEN '1 customer' ELSE through[1] + ' customers' END AS because
