// bought_after: articles that other customers bought on their next visits after articles of the customer
//
//   w(c,a) = sum of 0.5 ^ (age in days / half_life) over c's purchases of a
//   after(a,x) = sum over the latest purchases of a, by others than c and at least $lag days old, of 0.5 ^ (days until / gap_half_life)
//     over the later days, within $days days, on which the same customer bought x
//   share(x) = (1 + purchases of x in the last $recent days) / the sum of that over the articles of x's product
//   score(c,x) = share(x) * sum over c's articles a and the articles y of x's product of
//     w(c,a) * after(a,y) / (number of those purchases of a * (purchases of x, at least 1) ^ damping)
// An article without a product, or of one that has more than $variants articles, stands alone: share(x) = 1.
// So a new colour inherits what is bought of the others.
// after(a,x) counts the transitions of a first-order Markov chain over visits, with a decay (Rendle et al., Factorizing personalized
// Markov chains for next-basket recommendation, WWW 2010). A purchase younger than $lag days says little, because its customer has
// hardly come back yet.
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
// $days: integer = 56              days after a purchase in which later ones count
// $gap_half_life: float = 28.0     days between the two purchases after which a later one counts half
// $lag: integer = 7                start from purchases at least this many days old
// $damping: float = 0.1            how much less a best seller counts; 0: best sellers win
// $articles: integer = 12          start from this many of the customer's articles, those of largest weight
// $buyers: integer = 30            use this many purchases of each, the latest
// $recent: integer = 28            days whose purchases give each article its share of the product
// $variants: integer = 20          articles of a product of more articles stand alone
// $pool: integer = 300             score the articles of this many products
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, half_life, days, gap_half_life, lag, damping, articles, buyers, recent, variants, pool}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 42.0 AS half_life, 56 AS days, 28.0 AS gap_half_life, 7 AS lag, 0.1 AS damping, 12 AS articles, 30 AS buyers, 28 AS recent, 20 AS variants, 300 AS pool }
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
WITH c, own, until, is_past, until - duration({days: $lag}) AS end
CALL (c, own, end) {
  UNWIND own[..$articles] AS item
  WITH c, end, item[0] AS known, item[1] AS weight, item[2] AS article_id
  CALL (known, article_id, end) {
    MATCH (known)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat < end
    WITH b
    ORDER BY b.article_id DESC, b.t_dat DESC
    SKIP $buyers - 1 LIMIT 1
    RETURN coalesce(max(b.t_dat), date('0001-01-01')) AS since
  }
  CALL (c, known, article_id, since, end) {
    MATCH (known)<-[b:BOUGHT]-(n)
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat >= since AND b.t_dat < end AND n <> c
    RETURN collect(DISTINCT [n, b.t_dat]) AS visits
  }
  WITH * WHERE size(visits) > 0
  RETURN collect([weight / size(visits), visits]) AS knowns
}
CALL (knowns, until, is_past) {
  UNWIND knowns AS item
  WITH item[0] AS share, item[1] AS visits
  UNWIND visits AS visit
  WITH visit, sum(share) AS share, count(*) AS through
  WITH visit[0] AS n, visit[1] AS day, visit[1] + duration({days: $days}) AS last, share, through
  MATCH (n)-[b:BOUGHT]->(a)
  WHERE b.t_dat > day AND b.t_dat <= last AND b.t_dat < until
  WITH DISTINCT n, day, a, b.t_dat AS later, share, through
  WITH a, sum(share * 0.5 ^ (duration.inDays(day, later).days / $gap_half_life)) AS sum, sum(through) AS times
  OPTIONAL MATCH (a)-[:VARIANT_OF]->(p:Product)
  WHERE COUNT { (p)<-[:VARIANT_OF]-() } <= $variants
  WITH coalesce(p, a) AS whole, sum(sum) AS sum, collect([a, times]) AS bought
  UNWIND CASE WHEN whole:Product THEN COLLECT { MATCH (whole)<-[:VARIANT_OF]-(a) RETURN a } ELSE [whole] END AS a
  WITH whole, sum, bought, a
  WHERE a:Article AND a.article_id IS :: STRING NOT NULL
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
  WITH whole, sum, bought, collect(a) AS passing
  ORDER BY sum DESC
  WITH collect([whole, sum, bought, passing]) AS found
  RETURN [f IN found WHERE size(found) <= $pool OR f[1] >= found[$pool - 1][1] * (1 - 1e-12)] AS wholes
}
CALL (wholes, until) {
  UNWIND wholes AS item
  WITH item[0] AS whole, item[1] AS sum, item[2] AS bought, item[3] AS passing
  CALL (whole, until) {
    UNWIND COLLECT { MATCH (whole)<-[:VARIANT_OF]-(a) RETURN a } AS a
    WITH a, until
    WHERE a:Article
    WITH a, 1.0 + COUNT {
      MATCH (a)<-[b:BOUGHT]-()
      USING INDEX b:BOUGHT(article_id, t_dat)
      WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: $recent}) AND b.t_dat < until
    } AS sold
    RETURN collect([a, sold]) AS parts, sum(sold) AS total
  }
  UNWIND CASE parts WHEN [] THEN [[whole, 1.0]] ELSE [part IN parts | [part[0], part[1] / total]] END AS part
  WITH part[0] AS a, sum * part[1] AS sum, bought, passing
  WHERE a IN passing
  RETURN collect([a, sum, reduce(n = 0, b IN bought | n + CASE b[0] WHEN a THEN b[1] ELSE 0 END),
                  reduce(n = 0, b IN bought | n + CASE b[0] WHEN a THEN 0 ELSE b[1] END)]) AS others
}
UNWIND others + [item IN own | [item[0], 0.0, -1, 0]] AS item
WITH until, item[0] AS a, max(item[1]) AS sum, max(item[2]) AS times, max(item[3]) AS variants, min(item[2]) < 0 AS is_owned
WHERE sum > 0 AND NOT ($new_only AND is_owned)
WITH a, times, variants, is_owned, CASE
       WHEN $as_of IS NULL THEN COUNT { (a)<-[:BOUGHT]-() }
       ELSE COUNT { MATCH (a)<-[b:BOUGHT]-() USING INDEX b:BOUGHT(article_id, t_dat) WHERE b.article_id = a.article_id AND b.t_dat < until }
     END AS sold, sum
WITH a, times, variants, is_owned, sum / CASE sold WHEN 0 THEN 1 ELSE sold END ^ $damping AS score
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
WITH a, score, is_owned, [n IN [[times, 'bought '], [variants, 'another variant of it bought ']] WHERE n[0] > 0 |
       n[1] + CASE n[0] WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE n[0] + ' times' END] AS bought
RETURN a.article_id AS article_id, score,
       CASE WHEN is_owned THEN 'you bought it before; ' ELSE '' END + reduce(text = bought[0], part IN bought[1..] | text + ', ' + part) +
       ' within ' + $days + ' days after what you bought, by other customers' AS because
