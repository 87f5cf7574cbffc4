// related: articles related to an article: bought with it, similar to it, or bought after it
//
//   together(a,x) = sum of 0.5 ^ (age / half_life) over the latest purchases of a, by customer and day, on which the customer also bought x;
//     age is in days before the latest of them
//   with(a,x) = together(a,x) / (together(a,a) * (purchases of x) ^ damping)
//   after(a,x) = sum over the latest purchases of a that are at least $lag days old, of 0.5 ^ (age / half_life) * sum of
//     0.5 ^ (days between / gap_half_life) over the later days, within $days days, on which the same customer bought x
//   next(a,x) = after(a,x) / (sum of 0.5 ^ (age / half_life) over these purchases * (purchases of x) ^ next_damping)
//   likeness(a,x) = cosine of the embeddings in force; without them, the sum of log(articles / articles with that attribute) over the
//     attributes that a and x share, divided by the sum over all attributes of a
//   together: score = with(a,x)        complement: score = with(a,x) * (1 - likeness(a,x)), or with(a,x) if the likeness is negative
//   next: score = next(a,x)            substitute: score = likeness(a,x)
// These are the formulas of bought_together and bought_after for one article, and of similar_by_attributes as a share.
// Only the $most articles with the largest with, next or likeness are considered, before availability. `hmrec relate` writes them as
// BOUGHT_WITH, BOUGHT_AFTER and SIMILAR of a version. They are read if a version is in force and has no purchases from $as_of on.
// Otherwise they are computed from the purchases, likeness by the vector index; so is that of an article that nobody has bought.
//
// $article_id: string
// $kind: string = 'complement'     complement: bought with it and not similar to it; substitute: similar to it; next: bought after it; together: bought with it
// $k: integer = 12                 number of articles
// $as_of: date = null              as of that day, from earlier purchases only
// $include_unavailable: boolean = false   include articles that are out of stock or not sold on that day
// $most: integer = 30              number of articles of each kind that are considered, and written by `hmrec relate`
// $half_life: float = 42.0         days after which a purchase counts half
// $buyers: integer = 300           use this many of the article's latest purchases, by whole days
// $damping: float = 0.15           how much less a best seller counts among articles bought together; 0: best sellers win
// $days: integer = 56              days after a purchase in which later ones count
// $gap_half_life: float = 28.0     days between the two purchases after which a later one counts half
// $lag: integer = 7                start from purchases at least this many days old
// $next_damping: float = 0.1       how much less a best seller counts among articles bought after
// $widest: integer = 2000          without embeddings, find articles through attributes that at most this many articles have
// :param [{article_id, kind, k, as_of, include_unavailable, most, half_life, buyers, damping, days, gap_half_life, lag, next_damping, widest}] => { RETURN '0108775015' AS article_id, 'complement' AS kind, 12 AS k, null AS as_of, false AS include_unavailable, 30 AS most, 42.0 AS half_life, 300 AS buyers, 0.15 AS damping, 56 AS days, 28.0 AS gap_half_life, 7 AS lag, 0.1 AS next_damping, 2000 AS widest }
// returns article_id, prod_name, score, because
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
  OPTIONAL MATCH (now:ModelInForce)
  WITH now.version AS version
  OPTIONAL MATCH (m:Model {version: version})
  WHERE m.dim IS NOT NULL AND ($as_of IS NULL OR m.until <= date($as_of))
  RETURN m.version AS model, CASE WHEN m.staged THEN 'embedding_staged' WHEN m IS NOT NULL THEN 'embedding' END AS slot
}
CALL () {
  OPTIONAL MATCH (current:RelationsInForce)
  WITH current.version AS version
  OPTIONAL MATCH (r:Relations {version: version})
  WHERE $as_of IS NULL OR r.until <= date($as_of)
  RETURN r.version AS version, r.model AS similar
}
MATCH (a:Article {article_id: $article_id})
WITH until, is_past, version, a, slot, CASE WHEN slot IS NOT NULL THEN a[slot] END AS wanted,
     CASE WHEN similar = model AND EXISTS { MATCH (a)-[r:SIMILAR]->() WHERE r.version = version } THEN version END AS similar, COUNT { MATCH (:Article) } AS articles
CALL (a, articles) {
  OPTIONAL MATCH (a)-[:VARIANT_OF|HAS_TYPE|IN_PRODUCT_GROUP|HAS_COLOUR|HAS_APPEARANCE|IN_DEPARTMENT|IN_SECTION|IN_GARMENT_GROUP|IN_INDEX_GROUP]->(t)
  WITH t, COUNT { (t)<--() } AS holders
  ORDER BY holders, elementId(t)
  RETURN collect(t) AS attributes, collect(log(1.0 * articles / holders)) AS says, [h IN collect([t, holders]) WHERE h[1] <= $widest | h[0]] AS narrow
}
CALL (a, until, version, similar, slot, wanted, narrow, attributes, says) {
  WITH * WHERE version IS NOT NULL AND $kind IN ['together', 'complement']
  MATCH (a)-[r:BOUGHT_WITH]->(x:Article)
  WHERE r.version = version
  RETURN x, r.score AS score, r.customers AS customers, null AS gap
  UNION ALL
  WITH * WHERE version IS NOT NULL AND $kind = 'next'
  MATCH (a)-[r:BOUGHT_AFTER]->(x:Article)
  WHERE r.version = version
  RETURN x, r.score AS score, r.customers AS customers, r.days AS gap
  UNION ALL
  WITH * WHERE version IS NULL AND $kind IN ['together', 'complement']
  CALL (a, until) {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = $article_id AND b.t_dat < until
    WITH b
    ORDER BY b.article_id DESC, b.t_dat DESC
    SKIP $buyers - 1 LIMIT 1
    RETURN coalesce(max(b.t_dat), date('0001-01-01')) AS since
  }
  CALL (a, since, until) {
    MATCH (a)<-[b:BOUGHT]-(n)
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = $article_id AND b.t_dat >= since AND b.t_dat < until
    WITH DISTINCT n, b.t_dat AS day
    WITH collect([n, day]) AS visits, max(day) AS latest
    RETURN [v IN visits | [v[0], v[1], 0.5 ^ (duration.inDays(v[1], latest).days / $half_life)]] AS visits
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
  RETURN x, score, customers, null AS gap
  UNION ALL
  WITH * WHERE version IS NULL AND $kind = 'next'
  WITH a, until, until - duration({days: $lag}) AS end
  CALL (a, end) {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = $article_id AND b.t_dat < end
    WITH b
    ORDER BY b.article_id DESC, b.t_dat DESC
    SKIP $buyers - 1 LIMIT 1
    RETURN coalesce(max(b.t_dat), date('0001-01-01')) AS since
  }
  CALL (a, since, end) {
    MATCH (a)<-[b:BOUGHT]-(n)
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = $article_id AND b.t_dat >= since AND b.t_dat < end
    WITH DISTINCT n, b.t_dat AS day
    WITH collect([n, day]) AS visits, max(day) AS latest
    RETURN [v IN visits | [v[0], v[1], 0.5 ^ (duration.inDays(v[1], latest).days / $half_life)]] AS visits
  }
  WITH a, until, visits, reduce(total = 0.0, v IN visits | total + v[2]) AS total
  UNWIND visits AS visit
  WITH a, until, total, visit[0] AS n, visit[1] AS day, visit[1] + duration({days: $days}) AS last, visit[2] AS weight
  MATCH (n)-[b:BOUGHT]->(x)
  WHERE b.t_dat > day AND b.t_dat <= last AND b.t_dat < until AND x <> a
  WITH DISTINCT until, total, n, day, weight, x, b.t_dat AS later
  WITH until, total, n, weight, x, duration.inDays(day, later).days AS gap
  WITH until, total, x, sum(weight * 0.5 ^ (gap / $gap_half_life)) AS sum, count(DISTINCT n) AS customers, 1.0 * sum(gap) / count(*) AS gap
  WHERE x.article_id IS :: STRING NOT NULL AND sum > 0
  WITH x, customers, gap, sum / (total * CASE
         WHEN $as_of IS NULL THEN COUNT { (x)<-[:BOUGHT]-() }
         ELSE COUNT { MATCH (x)<-[b:BOUGHT]-() USING INDEX b:BOUGHT(article_id, t_dat) WHERE b.article_id = x.article_id AND b.t_dat < until }
       END ^ $next_damping) AS score
  ORDER BY round(log(score), 12) DESC, x.article_id
  LIMIT $most
  RETURN x, score, customers, gap
  UNION ALL
  WITH * WHERE $kind = 'substitute' AND wanted IS NOT NULL AND similar IS NOT NULL
  MATCH (a)-[r:SIMILAR]->(x:Article)
  WHERE r.version = similar
  RETURN x, r.score AS score, null AS customers, null AS gap
  UNION ALL
  WITH * WHERE $kind = 'substitute' AND wanted IS NOT NULL AND similar IS NULL
  CALL db.index.vector.queryNodes(
    CASE slot WHEN 'embedding' THEN 'article_embedding' ELSE 'article_embedding_staged' END,
    2 * $most + 1,
    wanted
  ) YIELD node AS x
  WITH a, slot, wanted, x
  WHERE x <> a AND x.article_id IS :: STRING NOT NULL AND x[slot] IS NOT NULL
  WITH x, 2 * vector.similarity.cosine(x[slot], wanted) - 1 AS score  // Neo4j's lies between 0 and 1
  ORDER BY score DESC, x.article_id
  LIMIT $most
  RETURN x, score, null AS customers, null AS gap
  UNION ALL
  WITH * WHERE $kind = 'substitute' AND wanted IS NULL
  CALL (a, narrow) {
    UNWIND narrow AS t
    MATCH (t)<--(x:Article)
    WHERE x <> a AND x.article_id IS :: STRING NOT NULL
    RETURN DISTINCT x
  }
  MATCH (x)-[:VARIANT_OF|HAS_TYPE|IN_PRODUCT_GROUP|HAS_COLOUR|HAS_APPEARANCE|IN_DEPARTMENT|IN_SECTION|IN_GARMENT_GROUP|IN_INDEX_GROUP]->(t)
  WHERE t IN attributes
  WITH attributes, says, x, collect(t) AS shared
  WITH x, reduce(sum = 0.0, i IN range(0, size(attributes) - 1) | sum + CASE WHEN attributes[i] IN shared THEN says[i] ELSE 0.0 END) AS score
  ORDER BY score DESC, x.article_id
  LIMIT $most
  RETURN x, score, null AS customers, null AS gap
}
WITH *
WHERE x.article_id IS :: STRING NOT NULL
  AND ($include_unavailable OR NOT coalesce(
    NOT is_past AND (x.stock <= 0 OR x.available = false) OR until < x.available_from OR until > x.available_until, false))
CALL (x, slot, wanted, attributes, says) {
  OPTIONAL MATCH (x)-[:VARIANT_OF|HAS_TYPE|IN_PRODUCT_GROUP|HAS_COLOUR|HAS_APPEARANCE|IN_DEPARTMENT|IN_SECTION|IN_GARMENT_GROUP|IN_INDEX_GROUP]->(t)
  WHERE t IN attributes
  WITH slot, wanted, attributes, says, x, collect(t) AS shared
  RETURN size(shared) AS same, wanted IS NOT NULL AND x[slot] IS NOT NULL AS by_embedding, CASE
    WHEN wanted IS NOT NULL AND x[slot] IS NOT NULL THEN 2 * vector.similarity.cosine(x[slot], wanted) - 1
    WHEN reduce(sum = 0.0, say IN says | sum + say) = 0 THEN 0.0
    ELSE reduce(sum = 0.0, i IN range(0, size(attributes) - 1) | sum + CASE WHEN attributes[i] IN shared THEN says[i] ELSE 0.0 END)
      / reduce(sum = 0.0, say IN says | sum + say)
    END AS likeness
}
WITH x, customers, gap, same, by_embedding, likeness, CASE $kind
       WHEN 'substitute' THEN likeness
       WHEN 'complement' THEN score * (1 - CASE WHEN likeness > 0 THEN likeness ELSE 0.0 END)
       ELSE score
     END AS score,
     CASE customers WHEN 1 THEN '1 customer' ELSE customers + ' customers' END AS buyers
WHERE score > 0
ORDER BY round(log(score), 12) DESC, x.article_id
LIMIT $k
RETURN x.article_id AS article_id, x.prod_name AS prod_name, score, CASE $kind
         WHEN 'next' THEN 'bought by ' + buyers + ' within ' + $days + ' days after it, on average ' +
           CASE round(gap) WHEN 1 THEN '1 day' ELSE toInteger(round(gap)) + ' days' END + ' later'
         WHEN 'substitute' THEN CASE
           WHEN by_embedding THEN 'the network finds it similar: cosine ' + round(likeness, 2)
           ELSE CASE same WHEN 1 THEN 'one attribute is the same' ELSE same + ' attributes are the same' END
         END
         ELSE 'bought on one day with it by ' + buyers + CASE $kind
           WHEN 'complement' THEN ', and ' + CASE WHEN likeness > 0 THEN toInteger(round(100 * likeness)) ELSE 0 END + ' % similar to it'
           ELSE ''
         END
       END AS because
