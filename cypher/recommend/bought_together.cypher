// bought_together: articles that others took home on the same day as what the customer bought
//
//   w(c,a) = sum of 0.5 ^ (age in days / half_life) over c's purchases of a
//   together(a,x) = how many of the latest purchases of a have a purchase of x by the same customer on the same day
//   score(c,x) = sum over c's articles a, other than x, of w(c,a) * together(a,x) / (how many purchases of a * (purchases of x) ^ damping)
// The confidence of the rule a -> x, damped by how often x is bought anyway (Agrawal et al., SIGMOD 1993).
// The latest purchases: by whole days until there are $buyers of them, an index seek.
//
// $customer_id: string
// $k: integer = 12                 how many articles
// $new_only: boolean = false       leave out what the customer has bought already
// $as_of: date = null              recommend as on that day: no purchase of that day or later is looked at
// $department: string = null       only articles of this department, by its name
// $colour: string = null           only articles of this colour group, by its name
// $max_price: float = null         only articles that were sold for at most that
// $in_season: integer = null       only articles that were sold within that many days
// $half_life: float = 42.0         days after which a purchase counts half
// $damping: float = 0.5            how much less a best seller counts; 0: the most bought win
// $articles: integer = 12          start from that many of the customer's articles, those of most weight
// $buyers: integer = 60            look at that many purchases of each, the latest
// $pool: integer = 300             compare that many articles
// :params {customer_id: '1', k: 12, new_only: false, as_of: null, department: null, colour: null, max_price: null, in_season: null, half_life: 42.0, damping: 0.5, articles: 12, buyers: 60, pool: 300}
// returns article_id, score, because
CALL () {
  MATCH ()-[b:BOUGHT]->()
  WHERE b.t_dat < coalesce(date($as_of), date('9999-12-31'))
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN coalesce(date($as_of), max(day) + duration({days: 1})) AS until
}
CALL (until) {
  MATCH (:Customer {customer_id: $customer_id})-[b:BOUGHT]->(a)
  WHERE b.t_dat < until
  WITH a, b.article_id AS article_id, sum(0.5 ^ (duration.inDays(b.t_dat, until).days / $half_life)) AS weight
  ORDER BY round(weight, 12) DESC, article_id
  RETURN collect([a, weight, article_id]) AS own
}
CALL (own, until) {
  UNWIND own[..$articles] AS item
  WITH item[0] AS known, item[1] AS weight, item[2] AS article_id
  CALL (known, article_id, until) {
    MATCH (known)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat < until
    WITH b
    ORDER BY b.article_id DESC, b.t_dat DESC
    SKIP $buyers - 1 LIMIT 1
    RETURN coalesce(max(b.t_dat), date('0001-01-01')) AS since
  }
  CALL (known, article_id, since, until) {
    MATCH (known)<-[b:BOUGHT]-(n)
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = article_id AND b.t_dat >= since AND b.t_dat < until
    WITH known, collect(DISTINCT [n, b.t_dat]) AS baskets
    UNWIND baskets AS basket
    WITH known, size(baskets) AS baskets, basket[0] AS n, basket[1] AS day
    MATCH (n)-[b:BOUGHT]->(a)
    WHERE b.t_dat = day AND a <> known
    WITH DISTINCT baskets, n, day, a
    WITH a, baskets, count(*) AS together
    RETURN a, together, 1.0 * together / baskets AS chance
  }
  WITH a, sum(weight * chance) AS sum, sum(together) AS together
  ORDER BY sum DESC
  WITH collect([a, sum, together]) AS found
  RETURN [f IN found WHERE size(found) <= $pool OR f[1] >= found[$pool - 1][1] * (1 - 1e-12)] AS found
}
WITH until, found, [item IN own | item[0]] AS owned
UNWIND found AS item
WITH until, item[0] AS a, item[1] AS sum, item[2] AS together, item[0] IN owned AS is_owned
WHERE NOT ($new_only AND is_owned)
  AND ($department IS NULL OR a.department_name = $department)
  AND ($colour IS NULL OR a.colour_group_name = $colour)
  AND ($max_price IS NULL AND $in_season IS NULL OR EXISTS {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: coalesce($in_season, 1000000)}) AND b.t_dat < until
      AND b.price <= coalesce($max_price, b.price)
  })
WITH a, together, is_owned, sum / CASE
       WHEN $as_of IS NULL THEN COUNT { (a)<-[:BOUGHT]-() }
       ELSE COUNT { MATCH (a)<-[b:BOUGHT]-() USING INDEX b:BOUGHT(article_id, t_dat) WHERE b.article_id = a.article_id AND b.t_dat < until }
     END ^ $damping AS score
ORDER BY score DESC, a.article_id
LIMIT $k
RETURN a.article_id AS article_id, score,
       CASE WHEN is_owned THEN 'you bought it before; ' ELSE '' END + 'taken home on one day with what you bought, lately ' +
       CASE together WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE together + ' times' END AS because
