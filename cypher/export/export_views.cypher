// export_views: the views of each customer who has any, and their additions to carts, as a list per property, all in the same order
// The first lines read only relationships of these two types, so a graph without them answers at once.
// Days are counted from 1970-01-01, because reading a date takes four times as long. No list may contain null.
// $since: date = null    first day
// :param [{since}] => { RETURN null AS since }
// articles: numbers of nodes, as from export_articles
// returns customer_id, articles, days, carts
CALL () {
  MATCH (c)-[r:VIEWED]->()
  USING SCAN r:VIEWED
  RETURN c
  UNION
  MATCH (c)-[r:ADDED_TO_CART]->()
  USING SCAN r:ADDED_TO_CART
  RETURN c
}
WITH c
WHERE c:Customer AND c.customer_id IS :: STRING NOT NULL
CALL (c) {
  MATCH (c)-[r:VIEWED|ADDED_TO_CART]->(a)
  WHERE r.t_dat IS :: DATE NOT NULL AND ($since IS NULL OR r.t_dat >= date($since))
  RETURN collect(id(a)) AS articles, collect(duration.inDays(date('1970-01-01'), r.t_dat).days) AS days,
         collect(type(r) = 'ADDED_TO_CART') AS carts
}
WITH c, articles, days, carts
WHERE size(articles) > 0
RETURN c.customer_id AS customer_id, articles, days, carts
