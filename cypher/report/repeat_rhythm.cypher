// repeat_rhythm: number of days until customers buy an article again
// A purchase here is a customer, an article and a day. days is the time since the customer last bought the article; null the first time.
// returns days, purchases
MATCH (c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL
CALL (c) {
  MATCH (c)-[b:BOUGHT]->(a:Article)
  WHERE b.t_dat IS :: DATE NOT NULL AND a.article_id IS :: STRING NOT NULL
  WITH DISTINCT a, b.t_dat AS day
  ORDER BY a.article_id, day
  WITH a, collect(day) AS days
  UNWIND range(0, size(days) - 1) AS place
  RETURN CASE place WHEN 0 THEN null ELSE duration.inDays(days[place - 1], days[place]).days END AS days, count(*) AS n
}
RETURN days, sum(n) AS purchases
ORDER BY days
