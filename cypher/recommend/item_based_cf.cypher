// item_based_cf: articles bought by the same customers as the customer's articles
//
// Item-based collaborative filtering by conditional probability:
//   w(c,a) = sum of 0.5 ^ (age in days / half_life) over c's purchases of a
//   similarity(a,x) = (purchases of x in the last $days days by the latest buyers of a other than c) / (number of those buyers * (purchases of x) ^ damping)
//   score(c,x) = sum over c's articles a, other than x, of w(c,a) * similarity(a,x)
// Source: Deshpande and Karypis, Item-based top-N recommendation algorithms, TOIS 2004, section 4.1. With damping 0.5, all
// buyers and all days, it orders the articles x for one a as the cosine does.
// The latest buyers are taken by whole days until there are $buyers purchases, with an index seek. A buyer's purchases are read
// once, however many of c's articles lead there. Only the $pool articles x with the largest sums are divided by their purchases.
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
// $days: integer = 84              days of their purchases that count
// $damping: float = 0.3            how much less a best seller counts; 0: best sellers win
// $articles: integer = 12          start from this many of the customer's articles, those of largest weight
// $buyers: integer = 30            use this many purchases of each, the latest
// $pool: integer = 300             score this many articles
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, half_life, days, damping, articles, buyers, pool}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 42.0 AS half_life, 84 AS days, 0.3 AS damping, 12 AS articles, 30 AS buyers, 300 AS pool }
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
WITH c, own, until, is_past, until - duration({days: $days}) AS begin
CALL (c, own, until, begin) {
  UNWIND own[..$articles] AS item
  WITH c, until, begin, item[0] AS known, item[1] AS weight, item[2] AS article_id
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
    RETURN collect(DISTINCT n) AS buyers
  }
  WITH * WHERE size(buyers) > 0
  CALL (known, article_id, buyers, begin, until) {
    WITH * WHERE NOT $new_only
    MATCH (known)<-[b:BOUGHT]-(n)
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat >= begin AND b.t_dat < until AND n IN buyers
    RETURN count(*) AS itself
  }
  RETURN collect([known, weight / size(buyers), buyers, itself]) AS knowns
}
CALL (knowns, begin, until, is_past) {
  UNWIND knowns AS item
  UNWIND item[2] AS n
  WITH n, sum(item[1]) AS share, count(*) AS through, begin, until
  MATCH (n)-[b:BOUGHT]->(a)
  WHERE b.t_dat >= begin AND b.t_dat < until
  WITH a, sum(share) AS sum, sum(through) AS times
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
  WITH collect([a, sum, times]) AS found, $pool + $articles AS most
  RETURN [f IN found WHERE size(found) <= most OR f[1] >= found[most - 1][1] * (1 - 1e-12)] AS found
}
CALL (found, knowns) {
  UNWIND found + [item IN knowns | [item[0], -item[1] * item[3], -item[3]]] AS item
  WITH item[0] AS a, sum(item[1]) AS sum, sum(item[2]) AS times
  WHERE times > 0
  ORDER BY sum DESC
  WITH collect([a, sum, times]) AS left
  RETURN [f IN left WHERE size(left) <= $pool OR f[1] >= left[$pool - 1][1] * (1 - 1e-12)] AS others
}
UNWIND others + [item IN own | [item[0], 0.0, 0]] AS item
WITH until, item[0] AS a, max(item[1]) AS sum, max(item[2]) AS times, min(item[2]) = 0 AS is_owned
WHERE times > 0 AND NOT ($new_only AND is_owned)
WITH a, times, is_owned, sum / CASE
       WHEN $as_of IS NULL THEN COUNT { (a)<-[:BOUGHT]-() }
       ELSE COUNT { MATCH (a)<-[b:BOUGHT]-() USING INDEX b:BOUGHT(article_id, t_dat) WHERE b.article_id = a.article_id AND b.t_dat < until }
     END ^ $damping AS score
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       CASE WHEN is_owned THEN 'you bought it before; ' ELSE '' END + 'bought ' +
       CASE times WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE times + ' times' END + ' by customers who buy what you buy' AS because
