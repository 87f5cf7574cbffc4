// article_weeks: an article's sales in each of the last weeks, those without a sale included
// A week begins on Monday; the last one has the last purchase of the graph.
// $article_id: string
// $weeks: integer = 52   number of weeks
// :param [{article_id, weeks}] => { RETURN '0108775015' AS article_id, 52 AS weeks }
// returns week, purchases, buyers
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  WITH max(day) AS last
  RETURN CASE WHEN last IS NOT NULL THEN date.truncate('week', last) END AS newest
}
MATCH (a:Article {article_id: $article_id})
UNWIND range($weeks - 1, 0, -1) AS ago
WITH a, newest - duration({weeks: ago}) AS week
WHERE week IS NOT NULL
CALL (a, week) {
  MATCH (c:Customer)-[b:BOUGHT]->(a)
  USING INDEX b:BOUGHT(article_id, t_dat)
  WHERE b.article_id = a.article_id AND b.t_dat >= week AND b.t_dat < week + duration({days: 7}) AND c.customer_id IS :: STRING NOT NULL
  RETURN coalesce(sum(b.quantity), 0) AS purchases, count(DISTINCT c) AS buyers
}
RETURN week, purchases, buyers
ORDER BY week
