// user_based_cf: articles that the customer's nearest neighbours bought, and the customer's own favourites
//
// User-based collaborative filtering (k nearest neighbours, cosine). The weight of article a for customer c is
//   w(c,a) = sum of quantity * 0.5 ^ (age in days / half_life) over c's purchases of a
// and a best seller says little about anybody:
//   rarity(a) = 1 / log(2 + purchases of a)
//   similarity(c,n) = sum over shared a of w(c,a) * w(n,a) * rarity(a)^2 / (|w(c)| * |w(n)|)
//   score(c,a) = sum over neighbours n of similarity(c,n) * w(n,a)  +  own_weight * similarity(c,c) * w(c,a)
// Sources: Herlocker et al., An algorithmic framework for performing collaborative filtering, SIGIR 1999 (neighbours,
// rarity); Ding and Li, Time weight collaborative filtering, CIKM 2005 (decay). How the defaults were found:
// docs/decisions.md. With $articles and $candidates larger than the graph nothing is left out: the textbook's result.
//
// $customer_id: string
// $k: integer = 12             how many articles
// $new_only: boolean = false   leave out what the customer has bought already
// $as_of: date = null          recommend as on that day: no purchase of that day or later is looked at
// $half_life: float = 42.0     days after which a purchase counts half; null: all purchases count alike
// $neighbours: integer = 50    how many neighbours decide
// $own_weight: float = 4.0     what the customer's own history counts beside one neighbour; 0: neighbours only
// $articles: integer = 50      look for neighbours through that many of the customer's weightiest articles
// $candidates: integer = 200   how many possible neighbours, those that share most, are compared exactly
// :params {customer_id: '1', k: 12, new_only: false, as_of: null, half_life: 42.0, neighbours: 50, own_weight: 4.0, articles: 50, candidates: 200}
// returns article_id, score, because
MATCH (c:Customer {customer_id: $customer_id})
WITH c, CASE WHEN $half_life IS NULL THEN 0.0 ELSE log(2) / $half_life END AS rate,
     coalesce(date($as_of), date('9999-12-31')) AS until
CALL (c, until) {
  MATCH (c)-[b:BOUGHT]->()
  WHERE b.t_dat < until
  RETURN max(b.t_dat) AS today  // a common factor of all weights, so any day serves; this one keeps numbers small
}
CALL (c, rate, until, today) {
  MATCH (c)-[b:BOUGHT]->(a:Article)
  WHERE b.t_dat < until
  WITH a, sum(b.quantity * exp(-rate * duration.inDays(b.t_dat, today).days)) AS weight
  ORDER BY weight DESC, a.article_id
  RETURN collect([a, weight]) AS own, sqrt(sum(weight * weight)) AS length
}
CALL (own, until) {
  UNWIND own[..$articles] AS item
  WITH item[0] AS a, item[1] AS weight
  WITH a, weight, CASE WHEN $as_of IS NULL THEN COUNT { (a)<-[:BOUGHT]-() }
                       ELSE COUNT { (a)<-[b:BOUGHT]-() WHERE b.t_dat < until } END AS purchases
  RETURN collect([a, weight, weight / log(2 + purchases) ^ 2]) AS known,
         sum(weight * weight / log(2 + purchases) ^ 2) AS self
}
CALL (c, known, rate, until, today, length) {
  CALL (c, known, rate, until, today) {
    UNWIND known AS item
    WITH item[0] AS a, item[2] AS weight
    MATCH (a)<-[b:BOUGHT]-(n:Customer)
    WHERE b.t_dat < until AND n <> c
    WITH n, sum(weight * b.quantity * exp(-rate * duration.inDays(b.t_dat, today).days)) AS shared
    ORDER BY shared DESC, n.customer_id
    LIMIT $candidates
    RETURN n, shared
  }
  CALL (n, rate, until, today) {
    MATCH (n)-[b:BOUGHT]->(a:Article)
    WHERE b.t_dat < until
    WITH a, sum(b.quantity * exp(-rate * duration.inDays(b.t_dat, today).days)) AS weight
    RETURN collect([a, weight]) AS bought, sqrt(sum(weight * weight)) AS other_length
  }
  WITH n, bought, shared / (length * other_length) AS similarity
  ORDER BY similarity DESC, n.customer_id
  LIMIT $neighbours
  RETURN collect([similarity, bought, 0]) AS neighbours
}
UNWIND neighbours + [[$own_weight * self / (length * length), own, 1]] AS neighbour
UNWIND neighbour[1] AS item
WITH item[0] AS a, sum(neighbour[0] * item[1]) AS score, sum(1 - neighbour[2]) AS others, max(neighbour[2]) AS owned
WHERE score > 0 AND NOT ($new_only AND owned = 1)
WITH a, score, others, owned
ORDER BY score DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       CASE WHEN owned = 1 THEN 'you bought it before' ELSE 'bought' END +
       CASE WHEN owned = 1 AND others > 0 THEN ', and so did' WHEN owned = 0 THEN ' by' ELSE '' END +
       CASE others WHEN 0 THEN '' WHEN 1 THEN ' 1 customer who buys what you buy' ELSE ' ' + others + ' customers who buy what you buy' END
       AS because
