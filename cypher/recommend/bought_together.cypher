// bought_together: articles that other customers bought on the same day as articles of the customer
//
//   w(c,a) = sum of 0.5 ^ (age in days / half_life) over c's purchases of a
//   together(a,x) = number of the latest purchases of a, by others than c, with a purchase of x by the same customer on the same day
//   score(c,x) = sum over c's articles a, other than x, of w(c,a) * together(a,x) / (number of those purchases of a * (purchases of x) ^ damping)
// This is the confidence of the rule a -> x, damped by the popularity of x (Agrawal et al., SIGMOD 1993).
// The latest purchases are taken by whole days until there are $buyers of them, with an index seek.
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
// $damping: float = 0.15           how much less a best seller counts; 0: best sellers win
// $articles: integer = 12          start from this many of the customer's articles, those of largest weight
// $buyers: integer = 30            use this many purchases of each, the latest
// $pool: integer = 300             score this many articles
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, half_life, damping, articles, buyers, pool}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 42.0 AS half_life, 0.15 AS damping, 12 AS articles, 30 AS buyers, 300 AS pool }
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
MATCH (c:Customer {customer_id: $customer_id})
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->(a)
  WHERE b.t_dat < until
  WITH a, b.article_id AS article_id, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight
  ORDER BY round(weight, 12) DESC, article_id
  WHERE article_id IS :: STRING NOT NULL
  RETURN collect([a, weight, article_id]) AS own
}
CALL (c, own, until) {
  UNWIND own[..$articles] AS item
  WITH c, until, item[0] AS known, item[1] AS weight, item[2] AS article_id
  CALL (known, article_id, until) {
    MATCH (known)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat < until
    WITH b
    ORDER BY b.article_id DESC, b.t_dat DESC
    SKIP $buyers - 1 LIMIT 1
    RETURN coalesce(max(b.t_dat), date('0001-01-01')) AS since
  }
  CALL (c, known, article_id, since, until) {
    MATCH (known)<-[b:BOUGHT]-(n)
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat >= since AND b.t_dat < until AND n <> c
    RETURN collect(DISTINCT [n, b.t_dat]) AS baskets
  }
  WITH * WHERE size(baskets) > 0
  RETURN collect([known, weight, baskets]) AS knowns
}
CALL (knowns, until, is_past) {
  UNWIND knowns AS item
  WITH item[1] / size(item[2]) AS share, item[2] AS baskets
  UNWIND baskets AS basket
  WITH basket, sum(share) AS share, count(*) AS through
  WITH basket[0] AS n, basket[1] AS day, share, through
  MATCH (n)-[b:BOUGHT]->(a)
  WHERE b.t_dat = day
  WITH DISTINCT n, day, a, share, through
  WITH a, sum(share) AS sum, sum(through) AS together
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
  WITH *
  ORDER BY sum DESC
  WITH collect([a, sum, together]) AS found, $pool + $articles AS most
  RETURN [f IN found WHERE size(found) <= most OR f[1] >= found[most - 1][1] * (1 - 1e-12)] AS found
}
CALL (found, knowns) {
  UNWIND found + [item IN knowns | [item[0], -item[1], -size(item[2])]] AS item
  WITH item[0] AS a, sum(item[1]) AS sum, sum(item[2]) AS together
  WHERE together > 0
  ORDER BY sum DESC
  WITH collect([a, sum, together]) AS left
  RETURN [f IN left WHERE size(left) <= $pool OR f[1] >= left[$pool - 1][1] * (1 - 1e-12)] AS others
}
UNWIND others + [item IN own | [item[0], 0.0, 0]] AS item
WITH until, item[0] AS a, max(item[1]) AS sum, max(item[2]) AS together, min(item[2]) = 0 AS is_owned
WHERE together > 0 AND NOT ($new_only AND is_owned)
WITH a, together, is_owned, sum / CASE
       WHEN $as_of IS NULL THEN COUNT { (a)<-[:BOUGHT]-() }
       ELSE COUNT { MATCH (a)<-[b:BOUGHT]-() USING INDEX b:BOUGHT(article_id, t_dat) WHERE b.article_id = a.article_id AND b.t_dat < until }
     END ^ $damping AS score
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       CASE WHEN is_owned THEN 'you bought it before; ' ELSE '' END + 'taken home on one day with what you bought, lately ' +
       CASE together WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE together + ' times' END AS because
