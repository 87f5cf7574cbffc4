// article_buyers: how many units of an article were bought, by how many customers, in the last days, and repeatedly
// repeat_buyers: bought it on more than one day. buyers_lately: bought it within $days days before the day after the last purchase.
// $article_id: string
// $days: integer = 28   number of days that count as lately
// :param [{article_id, days}] => { RETURN '0108775015' AS article_id, 28 AS days }
// returns purchases, buyers, repeat_buyers, buyers_lately, first, last
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN max(day) + duration({days: 1}) AS until
}
MATCH (a:Article {article_id: $article_id})
CALL (a, until) {
  MATCH (c:Customer)-[b:BOUGHT]->(a)
  WHERE b.t_dat IS :: DATE NOT NULL AND c.customer_id IS :: STRING NOT NULL
  WITH until, c, sum(b.quantity) AS units, count(DISTINCT b.t_dat) AS days, min(b.t_dat) AS first, max(b.t_dat) AS last
  RETURN coalesce(sum(units), 0) AS purchases, count(c) AS buyers, sum(CASE WHEN days > 1 THEN 1 ELSE 0 END) AS repeat_buyers,
         sum(CASE WHEN last >= until - duration({days: $days}) THEN 1 ELSE 0 END) AS buyers_lately,
         min(first) AS first, max(last) AS last
}
RETURN purchases, buyers, repeat_buyers, buyers_lately, first, last
