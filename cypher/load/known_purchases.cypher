// known_purchases: the stored purchases of these customers in a range of days
// of a purchase that events changed, the units in files (loaded), also if it was returned entirely
// a purchase without article_id is returned with quantity 0, so that it is sent again and repaired
// $ids: list      customer ids
// $since: string  first day
// $until: string  last day
// :param [{ids, since, until}] => { RETURN ['1', '2'] AS ids, '2018-09-20' AS since, '2020-09-22' AS until }
// returns customer_id, purchases
UNWIND $ids AS id
MATCH (c:Customer {customer_id: id})-[b:BOUGHT|TAKEN_BACK]->(a:Article)
WHERE date($since) <= b.t_dat <= date($until) AND a.article_id IS :: STRING NOT NULL
RETURN id AS customer_id, collect([a.article_id, b.t_dat.year * 10000 + b.t_dat.month * 100 + b.t_dat.day, b.price,
  b.sales_channel_id, CASE WHEN b.article_id = a.article_id THEN coalesce(b.loaded, b.quantity) ELSE 0 END]) AS purchases
