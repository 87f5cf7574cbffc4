// first_and_last_day: the days of the first and of the last purchase, from the index; null without purchases
// returns first, last
CALL () {
  OPTIONAL MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day
  LIMIT 1
  RETURN day AS first
}
CALL () {
  OPTIONAL MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN day AS last
}
RETURN first, last
