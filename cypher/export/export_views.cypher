// export_views: the views of each customer who has any, and their additions to carts, as a list per property, all in the same order
// The first lines read only relationships of these two types, so a graph without them answers at once.
// Days are counted from 1970-01-01, because reading a date takes four times as long. No list may contain null.
// $since: date = null    first day
// :param [{since}] => { RETURN null AS since }
// returns customer_id, articles, days, carts
MATCH ()-[r:VIEWED|ADDED_TO_CART]->()
WITH DISTINCT startNode(r) AS c
WHERE c:Customer AND c.customer_id IS :: STRING NOT NULL
CALL (c) {
  MATCH (c)-[r:VIEWED|ADDED_TO_CART]->(a:Article)
  WHERE a.article_id IS :: STRING NOT NULL AND r.t_dat IS :: DATE NOT NULL AND ($since IS NULL OR r.t_dat >= date($since))
  RETURN collect(a.article_id) AS articles, collect(duration.inDays(date('1970-01-01'), r.t_dat).days) AS days,
         collect(type(r) = 'ADDED_TO_CART') AS carts
}
WITH c, articles, days, carts
WHERE size(articles) > 0
RETURN c.customer_id AS customer_id, articles, days, carts
