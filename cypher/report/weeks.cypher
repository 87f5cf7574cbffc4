// weeks: each week's purchases and articles, and how many of them had never been sold before
// A week begins on Monday. new_articles are first sold in that week; a recommender trained the week before knows no sales of them.
// returns week, articles, new_articles, purchases, new_purchases
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
CALL (a) {
  MATCH (c:Customer)-[b:BOUGHT]->(a)
  WHERE b.t_dat IS :: DATE NOT NULL AND c.customer_id IS :: STRING NOT NULL
  WITH date.truncate('week', b.t_dat) AS week, sum(b.quantity) AS sold
  WITH collect([week, sold]) AS weeks, min(week) AS first
  UNWIND weeks AS one
  RETURN one[0] AS week, one[1] AS sold, one[0] = first AS new
}
RETURN week, count(*) AS articles, sum(CASE WHEN new THEN 1 ELSE 0 END) AS new_articles,
       sum(sold) AS purchases, sum(CASE WHEN new THEN sold ELSE 0 END) AS new_purchases
ORDER BY week
