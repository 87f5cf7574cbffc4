// user_based_cf: articles that the customer's nearest neighbours bought, and the customer's own favourites
//
// User-based collaborative filtering with k nearest neighbours. The weight of article a for customer c, in scores and in similarities, is
//   w(c,a) = sum of 0.5 ^ (age in days / half_life) over c's purchases of a;  1 if half_life is null
//   t(c,a) = the same with similarity_half_life: tastes last longer than needs
// and best sellers are weighted down, because they say little about taste:
//   rarity(a) = 1 / log(2 + purchases of a) ^ damping
//   shared(c,n) = sum over shared a of rarity(a) * t(c,a) * t(n,a)        |c|^2 = sum over all a of t(c,a)^2
//   similarity(c,n) = cosine: shared / (|c| |n|)   jaccard: shared / (|c|^2 + |n|^2 - shared)   overlap: shared / min(|c|^2, |n|^2)
//   score(c,a) = sum over neighbours n of similarity(c,n) * w(n,a)  +  own_weight * similarity(c,c) * w(c,a)
// Without half-lives and damping these are the cosine, Jaccard and overlap coefficients of the sets of articles.
// Sources: Herlocker et al., An algorithmic framework for performing collaborative filtering, SIGIR 1999 (neighbours, rarity);
// Ding and Li, Time weight collaborative filtering, CIKM 2005 (decay); Strehl and Ghosh, AAAI workshop 2000 (extended Jaccard).
//
// Best sellers: neighbours are found through the $articles articles of c with the largest weight, and the latest purchases of
// each, by whole days until there are $buyers of them. This is an index seek, so the sample does not depend on how the graph
// was loaded. Of all customers found, the $pool that share most are ranked by shared / sqrt(purchases), and the first $candidates
// are compared exactly. If these four exceed the graph, the result is exact. Measurements: docs/performance.md.
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
// $similarity: string = 'cosine'   cosine, jaccard or overlap
// $half_life: float = 42.0         days after which a purchase counts half in the score; null: every article bought counts 1
// $similarity_half_life: float = 42.0   the same in the similarity of customers
// $damping: float = 1.0            how much less a best seller counts than a rare article; 0: all count the same
// $neighbours: integer = 50        number of neighbours
// $own_weight: float = 2.0         weight of the customer's own history relative to one neighbour; 0: neighbours only
// $articles: integer = 20          find neighbours through this many of the customer's articles
// $buyers: integer = 300           use this many purchases of each, the latest
// $pool: integer = 500             rank this many customers, those who share most
// $candidates: integer = 60        compare this many of them exactly
// :param [{customer_id, k, new_only, as_of, include_unavailable, only, exclude, where, max_price, in_season, similarity, half_life, similarity_half_life, damping, neighbours, own_weight, articles, buyers, pool, candidates}] => { RETURN '1' AS customer_id, 12 AS k, false AS new_only, null AS as_of, false AS include_unavailable, null AS only, [] AS exclude, [] AS where, null AS max_price, null AS in_season, 'cosine' AS similarity, 42.0 AS half_life, 42.0 AS similarity_half_life, 1.0 AS damping, 50 AS neighbours, 2.0 AS own_weight, 20 AS articles, 300 AS buyers, 500 AS pool, 60 AS candidates }
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
WITH c, until, is_past, coalesce(log(2) / $half_life, 0.0) AS rate, coalesce(log(2) / $similarity_half_life, 0.0) AS taste_rate
CALL (c, until, rate, taste_rate) {
  MATCH (c)-[b:BOUGHT]->(a)
  WHERE b.t_dat < until
  WITH a, b.article_id AS article_id,
       CASE WHEN $half_life IS NULL THEN 1.0 ELSE sum(exp(-rate * duration.inDays(b.t_dat, until).days)) END AS weight,
       CASE WHEN $similarity_half_life IS NULL THEN 1.0 ELSE sum(exp(-taste_rate * duration.inDays(b.t_dat, until).days)) END AS taste
  ORDER BY round(weight, 12) DESC, article_id
  WHERE article_id IS :: STRING NOT NULL
  RETURN collect([a, weight, article_id, taste]) AS own, sum(taste * taste) AS length
}
CALL (own, until) {
  UNWIND own[..$articles] AS item
  WITH item[0] AS a, item[2] AS article_id, item[3] AS taste
  WITH a, article_id, taste, taste / log(2 + CASE
         WHEN $as_of IS NULL THEN COUNT { (a)<-[:BOUGHT]-() }
         ELSE COUNT { MATCH (a)<-[b:BOUGHT]-() USING INDEX b:BOUGHT(article_id, t_dat) WHERE b.article_id = article_id AND b.t_dat < until }
       END) ^ $damping AS rare_taste
  RETURN collect([a, rare_taste, article_id]) AS known, sum(taste * rare_taste) AS self
}
CALL (c, until, taste_rate, known) {
  UNWIND known AS item
  WITH item[0] AS a, item[1] AS rare_taste, item[2] AS article_id
  CALL (a, article_id, until) {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat < until
    WITH b
    ORDER BY b.article_id DESC, b.t_dat DESC
    SKIP $buyers - 1 LIMIT 1
    RETURN coalesce(max(b.t_dat), date('0001-01-01')) AS since
  }
  CALL (a, article_id, rare_taste, since, until, taste_rate) {
    MATCH (a)<-[b:BOUGHT]-(n)
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat >= since AND b.t_dat < until
    RETURN n, rare_taste * CASE WHEN $similarity_half_life IS NULL THEN 1.0 ELSE sum(exp(-taste_rate * duration.inDays(b.t_dat, until).days)) END AS part
  }
  WITH c, n, sum(part) AS shared
  WHERE n <> c
  ORDER BY shared DESC
  WITH collect([n, shared]) AS sharers
  RETURN [s IN sharers WHERE size(sharers) <= $pool OR s[1] >= sharers[$pool - 1][1] * (1 - 1e-12)] AS pool
}
CALL (until, rate, taste_rate, length, pool) {
  UNWIND pool AS sharer
  WITH sharer[0] AS n, sharer[1] AS shared
  WITH n, shared, shared / sqrt(CASE
         WHEN $as_of IS NULL THEN COUNT { (n)-[:BOUGHT]->() }
         ELSE COUNT { (n)-[b:BOUGHT]->() WHERE b.t_dat < until }
       END) AS guess
  WHERE n.customer_id IS :: STRING NOT NULL
  ORDER BY round(log(guess), 12) DESC, n.customer_id
  LIMIT $candidates
  CALL (n, until, rate, taste_rate) {
    MATCH (n)-[b:BOUGHT]->(a)
    WHERE b.t_dat < until
    WITH a, CASE WHEN $half_life IS NULL THEN 1.0 ELSE sum(exp(-rate * duration.inDays(b.t_dat, until).days)) END AS weight,
         CASE WHEN $similarity_half_life IS NULL THEN 1.0 ELSE sum(exp(-taste_rate * duration.inDays(b.t_dat, until).days)) END AS taste
    RETURN collect([a, weight]) AS bought, sum(taste * taste) AS other_length
  }
  WITH n, bought, CASE $similarity
         WHEN 'cosine' THEN shared / sqrt(length * other_length)
         WHEN 'jaccard' THEN shared / (length + other_length - shared)
         WHEN 'overlap' THEN shared / CASE WHEN length < other_length THEN length ELSE other_length END
       END AS similarity
  ORDER BY round(similarity, 12) DESC, n.customer_id
  LIMIT $neighbours
  RETURN collect([similarity, bought, 0, n]) AS neighbours
}
WITH until, is_past, neighbours, own, CASE WHEN length = 0 THEN 0.0 WHEN $similarity = 'jaccard' THEN self / (2 * length - self) ELSE self / length END AS own_similarity
UNWIND neighbours + [[$own_weight * own_similarity, own, 1]] AS neighbour
UNWIND neighbour[1] AS item
WITH until, is_past, item[0] AS a, sum(neighbour[0] * item[1]) AS score, sum(1 - neighbour[2]) AS others, max(neighbour[2]) AS owned
WHERE score > 0 AND NOT ($new_only AND owned = 1)
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
WITH a, score, others, owned
ORDER BY round(log(score), 12) DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       CASE WHEN owned = 1 THEN 'you bought it before' ELSE 'bought' END +
       CASE WHEN owned = 1 AND others > 0 THEN ', and so did' WHEN owned = 0 THEN ' by' ELSE '' END +
       CASE others WHEN 0 THEN '' WHEN 1 THEN ' 1 customer who buys what you buy' ELSE ' ' + others + ' customers who buy what you buy' END
       AS because
