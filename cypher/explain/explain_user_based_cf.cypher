// explain_user_based_cf: why user_based_cf gives an article its score, by neighbour and shared article
//
// User-based collaborative filtering with k nearest neighbours. The weight of article a for customer c, in scores and in similarities, is
//   w(c,a) = sum of 0.5 ^ (age in days / half_life) over c's purchases of a;  1 if half_life is null
//   t(c,a) = the same with similarity_half_life: tastes last longer than needs
// and best sellers are weighted down, because they say little about taste:
//   rarity(a) = 1 / log(2 + purchases of a) ^ damping
//   shared(c,n) = sum over shared a of rarity(a) * t(c,a) * t(n,a)        |c|^2 = sum over all a of t(c,a)^2
//   similarity(c,n) = cosine: shared / (|c| |n|)   jaccard: shared / (|c|^2 + |n|^2 - shared)   overlap: shared / min(|c|^2, |n|^2)
//   score(c,a) = sum over neighbours n of similarity(c,n) * w(n,a)  +  own_weight * similarity(c,c) * w(c,a)
// Returns a row for each neighbour who bought a, and a row for the customer's own history. In each, part = similarity * weight, and
// the parts add up to the score. `shared` divides the similarity among the articles in common; its parts add up to the similarity.
// For the own history, similarity is own_weight * similarity(c,c). The search for neighbours is copied from user_based_cf.
//
// $customer_id: string
// $article_id: string
// $as_of: date = null              explain as of that day, from earlier purchases only
// $include_unavailable: boolean = false   explain an article that is out of stock or not sold on that day, too
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
// :param [{customer_id, article_id, as_of, include_unavailable, similarity, half_life, similarity_half_life, damping, neighbours, own_weight, articles, buyers, pool, candidates}] => { RETURN '1' AS customer_id, '0001082185' AS article_id, null AS as_of, false AS include_unavailable, 'cosine' AS similarity, 42.0 AS half_life, 42.0 AS similarity_half_life, 1.0 AS damping, 50 AS neighbours, 2.0 AS own_weight, 20 AS articles, 300 AS buyers, 500 AS pool, 60 AS candidates }
// returns who, customer_id, similarity, weight, part, shared, because
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
WITH c, until, is_past, taste_rate, neighbours, own, known,
     CASE WHEN length = 0 THEN 0.0 WHEN $similarity = 'jaccard' THEN self / (2 * length - self) ELSE self / length END AS own_similarity
MATCH (a:Article {article_id: $article_id})
WHERE ($include_unavailable OR NOT coalesce(
    NOT is_past AND (a.stock <= 0 OR a.available = false) OR until < a.available_from OR until > a.available_until, false))
CALL (known, until) {
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
  RETURN collect([article_id, rare_taste, since]) AS probes
}
UNWIND neighbours + [[$own_weight * own_similarity, own, 1, c]] AS neighbour
WITH c, a, until, taste_rate, probes, neighbour[0] AS similarity, neighbour[2] AS is_own, neighbour[3] AS n,
     [item IN neighbour[1] WHERE item[0] = a | item[1]][0] AS weight
WHERE similarity * weight > 0
CALL (n, is_own, probes, until, taste_rate) {
  MATCH (n)-[b:BOUGHT]->(s)
  WHERE b.t_dat < until
  WITH s, b, [probe IN probes WHERE probe[0] = b.article_id][0] AS probe
  WHERE probe IS NOT NULL AND b.t_dat >= CASE is_own WHEN 1 THEN date('0001-01-01') ELSE probe[2] END
  WITH s, probe[1] AS rare, CASE WHEN $similarity_half_life IS NULL THEN 1.0 ELSE sum(exp(-taste_rate * duration.inDays(b.t_dat, until).days)) END AS taste
  WITH s, rare * taste AS part
  ORDER BY part DESC, s.article_id
  RETURN collect([s, part]) AS parts, sum(part) AS total
}
CALL (n, a, until) {
  MATCH (n)-[b:BOUGHT]->(a)
  WHERE b.t_dat < until
  RETURN count(DISTINCT b.t_dat) AS days, max(b.t_dat) AS last
}
WITH n, is_own, similarity, weight, days, last, size(parts) AS count, [x IN parts[..3] | coalesce(x[0].prod_name, x[0].article_id)] AS names,
     [x IN parts | {article_id: x[0].article_id, prod_name: x[0].prod_name, part: similarity * x[1] / total}] AS shared
WITH *, CASE days WHEN 1 THEN 'once, on ' + last ELSE 'on ' + days + ' days, last on ' + last END AS bought
RETURN CASE is_own WHEN 1 THEN 'own history' ELSE 'neighbour' END AS who, n.customer_id AS customer_id,
       similarity, weight, similarity * weight AS part, shared,
       CASE is_own WHEN 1 THEN 'you bought it ' + bought
            ELSE 'customer ' + left(n.customer_id, 12) + ' bought it ' + bought + '; like you they bought ' +
                 reduce(text = names[0], name IN names[1..] | text + ', ' + name) +
                 CASE WHEN count > 3 THEN ' and ' + (count - 3) + ' more' ELSE '' END
       END AS because
ORDER BY part DESC, who, customer_id
