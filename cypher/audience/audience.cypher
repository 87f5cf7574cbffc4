// audience: the customers most likely to buy an article, or one of several articles that count as one
//
// Item-based collaborative filtering, asked from the article's side. B are the customers of the article's latest $buyers purchases:
//   similarity(a) = (customers of B who bought a in the last $days days) / (size of B * (purchases of a) ^ damping)
//   w(c,a) = sum of 0.5 ^ (age in days / half_life) over c's purchases among the latest $reach purchases of a
//   score(c) = sum over the $neighbours articles a of largest similarity of similarity(a) * w(c,a)
// Source: Deshpande and Karypis, Item-based top-N recommendation algorithms, TOIS 2004, section 4.1.
// The article's repeat rate is the share of B that bought it on several days. If that is at least $repeat, or with $include_buyers, the article
// itself is one of the articles a, with similarity (repeat rate) / (purchases of it) ^ damping. Otherwise, its buyers are left out.
// The latest purchases are taken by whole days, with index seeks. Of the articles a, the $pool that most of B bought are compared.
//
// $article_ids: list               ids of the article, or of the articles that count as one
// $k: integer = 5000               number of customers
// $include_buyers: boolean = false   keep customers who bought the article already
// $as_of: date = null              find customers as of that day, from earlier purchases only
// $customers_where: list = []      conditions on customers' properties, such as [[['age', '>=', 30]], [['segment', 'in', ['GROCERY']]]]; docs/audience.md
// $half_life: float = 84.0         days after which a purchase counts half
// $days: integer = 84              days of the buyers' purchases that count
// $damping: float = 0.25           how much less a best seller says about a customer; 0: best sellers win
// $buyers: integer = 200           learn from this many of the article's latest purchases
// $neighbours: integer = 300       find customers through this many articles
// $reach: integer = 1000           use this many of the latest purchases of each
// $pool: integer = 600             compare this many articles
// $repeat: float = 0.2             repeat rate from which an article counts as bought again
// :param [{article_ids, k, include_buyers, as_of, customers_where, half_life, days, damping, buyers, neighbours, reach, pool, repeat}] => { RETURN ['0108775015'] AS article_ids, 5000 AS k, false AS include_buyers, null AS as_of, [] AS customers_where, 84.0 AS half_life, 84 AS days, 0.25 AS damping, 200 AS buyers, 300 AS neighbours, 1000 AS reach, 600 AS pool, 0.2 AS repeat }
// returns customer_id, score, because
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN coalesce(date($as_of), max(day) + duration({days: 1})) AS until
}
CALL (until) {
  UNWIND $article_ids AS article_id
  MATCH (x:Article {article_id: article_id})
  CALL (x, article_id, until) {
    MATCH (x)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat < until
    WITH b
    ORDER BY b.article_id DESC, b.t_dat DESC
    LIMIT $buyers
    RETURN b.t_dat AS day
  }
  WITH day
  ORDER BY day DESC
  SKIP $buyers - 1 LIMIT 1
  RETURN coalesce(collect(day)[0], date('0001-01-01')) AS since
}
CALL (until) {
  UNWIND $article_ids AS article_id
  MATCH (x:Article {article_id: article_id})
  CALL (x, article_id, until) {
    MATCH (x)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat < until
    WITH b
    ORDER BY b.article_id DESC, b.t_dat DESC
    LIMIT $reach
    RETURN b.t_dat AS day
  }
  WITH day
  ORDER BY day DESC
  SKIP $reach - 1 LIMIT 1
  RETURN coalesce(collect(day)[0], date('0001-01-01')) AS own_since
}
CALL (until) {
  UNWIND $article_ids AS article_id
  MATCH (x:Article {article_id: article_id})
  WITH CASE size($article_ids) WHEN 1 THEN coalesce(x.prod_name, article_id) END AS name, CASE
    WHEN $as_of IS NULL THEN COUNT { (x)<-[:BOUGHT]-() }
    ELSE COUNT { MATCH (x)<-[b:BOUGHT]-() USING INDEX b:BOUGHT(article_id, t_dat) WHERE b.article_id = x.article_id AND b.t_dat < until }
  END AS sold
  RETURN sum(sold) AS sold, collect(name)[0] AS name
}
CALL (since, until) {
  UNWIND $article_ids AS article_id
  MATCH (x:Article {article_id: article_id})
  MATCH (x)<-[b:BOUGHT]-(n)
  USING INDEX b:BOUGHT(article_id, t_dat)
  WHERE b.article_id = article_id AND b.t_dat >= since AND b.t_dat < until
  RETURN collect(DISTINCT n) AS buyers
}
WITH *
WHERE size(buyers) > 0
CALL (buyers, until) {
  UNWIND buyers AS n
  MATCH (n)-[b:BOUGHT]->()
  WHERE b.article_id IN $article_ids AND b.t_dat < until
  WITH n, count(DISTINCT b.t_dat) AS days
  WHERE days > 1
  RETURN count(*) AS again
}
CALL (buyers, until) {
  UNWIND buyers AS n
  MATCH (n)-[b:BOUGHT]->(a)
  WHERE b.t_dat >= until - duration({days: $days}) AND b.t_dat < until AND NOT b.article_id IN $article_ids
  WITH a, count(DISTINCT n) AS times
  WHERE a.article_id IS :: STRING NOT NULL
  WITH a, times
  ORDER BY times DESC
  WITH collect([a, times]) AS found
  RETURN [f IN found WHERE size(found) <= $pool OR f[1] >= found[$pool - 1][1]] AS found
}
// From here on, a row without an article a represents the article itself.
// Aggregation makes rows without the long lists, which sorting would count once per row.
UNWIND [[null, again]] + found AS f
WITH f[0] AS a, f[1] AS times, size(buyers) AS size, sold, own_since, until, name, $include_buyers OR 1.0 * again / size(buyers) >= $repeat AS keeps_buyers, count(*) AS ones
WITH a, own_since, until, name, keeps_buyers, 1.0 * times / size / CASE
       WHEN a IS NULL THEN sold
       WHEN $as_of IS NULL THEN COUNT { (a)<-[:BOUGHT]-() }
       ELSE COUNT { MATCH (a)<-[b:BOUGHT]-() USING INDEX b:BOUGHT(article_id, t_dat) WHERE b.article_id = a.article_id AND b.t_dat < until }
     END ^ $damping AS similarity
ORDER BY a IS NOT NULL, round(log(similarity), 12) DESC, a.article_id
LIMIT $neighbours + 1
WHERE similarity > 0 AND (keeps_buyers OR a IS NOT NULL)
CALL (a, own_since, until) {
  WITH a, a.article_id AS article_id, until
  WHERE a IS NOT NULL
  CALL (a, article_id, until) {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat < until
    WITH b
    ORDER BY b.article_id DESC, b.t_dat DESC
    SKIP $reach - 1 LIMIT 1
    RETURN coalesce(collect(b.t_dat)[0], date('0001-01-01')) AS since
  }
  MATCH (a)<-[b:BOUGHT]-(c)
  USING INDEX b:BOUGHT(article_id, t_dat)
  WHERE b.article_id = article_id AND b.t_dat >= since AND b.t_dat < until
  RETURN c, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight
  UNION ALL
  WITH a, own_since, until
  WHERE a IS NULL
  UNWIND $article_ids AS article_id
  MATCH (x:Article {article_id: article_id})
  MATCH (x)<-[b:BOUGHT]-(c)
  USING INDEX b:BOUGHT(article_id, t_dat)
  WHERE b.article_id = article_id AND b.t_dat >= own_since AND b.t_dat < until
  RETURN c, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight
}
WITH c, until, name, keeps_buyers, sum(similarity * weight) AS score, collect([similarity * weight, a]) AS parts
WITH c, score, parts, name, keeps_buyers, until
ORDER BY round(log(score), 12) DESC, c.customer_id
WHERE c.customer_id IS :: STRING NOT NULL
  AND (keeps_buyers OR NOT EXISTS { MATCH (c)-[b:BOUGHT]->() WHERE b.article_id IN $article_ids AND b.t_dat < until })
  AND all(clause IN $customers_where WHERE any(test IN clause WHERE any(value IN [CASE test[0] WHEN 'segment' THEN COLLECT {
      MATCH (now:SegmentsInForce)
      WITH now.version AS version
      MATCH (c)-[:IN_SEGMENT]->(s:Segment {version: version})
      RETURN s.name LIMIT 1
    }[0] ELSE c[test[0]] END] WHERE CASE test[1]
      WHEN 'in' THEN value IN test[2] WHEN 'not in' THEN NOT value IN test[2]
      WHEN '<' THEN value < test[2] WHEN '<=' THEN value <= test[2]
      WHEN '>' THEN value > test[2] WHEN '>=' THEN value >= test[2]
      WHEN 'is null' THEN value IS NULL WHEN 'is not null' THEN value IS NOT NULL
    END)))
WITH c, score, parts, name
LIMIT $k
CALL (parts) {
  UNWIND parts AS part
  WITH part[0] AS part, part[1] AS a
  ORDER BY round(log(part), 12) DESC, a.article_id
  RETURN collect(coalesce(a.prod_name, a.article_id))[..2] AS names, any(one IN collect(a IS NULL) WHERE one) AS is_own
}
RETURN c.customer_id AS customer_id, score,
       CASE WHEN is_own THEN CASE WHEN name IS NULL THEN 'bought one of them before' ELSE 'bought it before' END ELSE '' END +
       CASE WHEN is_own AND size(names) > 0 THEN '; ' ELSE '' END +
       CASE WHEN size(names) = 0 THEN '' ELSE 'bought ' + names[0] +
         CASE WHEN size(names) = 2 AND names[1] <> names[0] THEN ' and ' + names[1] ELSE '' END + ', which buyers of ' +
         coalesce(name, 'these articles') + ' bought' END AS because
ORDER BY round(log(score), 12) DESC, customer_id
