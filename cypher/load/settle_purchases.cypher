// settle_purchases: derive the purchases of customers and articles that have events of buying, or returns
//
// A purchase is identified by customer, article, day, price and channel, in files and in events. Its units are
//   max(units in files, units in events), less returned units
// so a purchase that is in both counts once; returned units of a day likewise. A return in files has no event_id. A return
// takes units from the latest purchase on or before its day, then from earlier ones, as loader/reading/returns.py does in
// files. BOUGHT.loaded keeps the units in files; a loaded purchase that was returned entirely becomes TAKEN_BACK, so that the
// next load of its file does not restore it.
//
// $pairs: list   lists of customer_id and article_id; those without such events stay as they are
// :param [{pairs}] => { RETURN [['1', '0108775015']] AS pairs }
// returns day
UNWIND $pairs AS pair
MATCH (c:Customer {customer_id: pair[0]})
MATCH (a:Article {article_id: pair[1]})
WHERE EXISTS { (c)-[:ORDERED|RETURNED]->(a) }
CALL (c, a) {
  CALL (c, a) {
    MATCH (c)-[b:BOUGHT|TAKEN_BACK]->(a)
    WHERE b.t_dat IS :: DATE NOT NULL
    RETURN b.t_dat AS day, b.price AS price, coalesce(b.sales_channel_id, 0) AS channel, coalesce(b.loaded, b.quantity, 1) AS in_files, 0 AS in_events
    UNION ALL
    MATCH (c)-[o:ORDERED]->(a)
    RETURN o.t_dat AS day, o.price AS price, o.sales_channel_id AS channel, 0 AS in_files, o.quantity AS in_events
  }
  WITH day, price, channel, sum(in_files) AS loaded, sum(in_events) AS ordered
  ORDER BY day, price IS NOT NULL, price, channel
  RETURN collect({day: day, price: price, channel: channel, loaded: loaded, units: CASE WHEN loaded > ordered THEN loaded ELSE ordered END}) AS bought
}
WITH c, a, bought, COLLECT {
  MATCH (c)-[r:RETURNED]->(a)
  WITH r.t_dat AS day, sum(CASE WHEN r.event_id IS NULL THEN r.quantity ELSE 0 END) AS in_files,
       sum(CASE WHEN r.event_id IS NULL THEN 0 ELSE r.quantity END) AS in_events
  ORDER BY day
  RETURN [day, CASE WHEN in_files > in_events THEN in_files ELSE in_events END]
} AS returns
WITH c, a, bought, reduce(left = [p IN bought | p.units], r IN returns |
  [i IN range(0, size(left) - 1) | CASE
    WHEN bought[i].day > r[0] THEN left[i]
    ELSE [rest IN [r[1] - reduce(later = 0, j IN range(i + 1, size(left) - 1) | later + CASE WHEN bought[j].day > r[0] THEN 0 ELSE left[j] END)] |
      CASE WHEN rest <= 0 THEN left[i] WHEN rest >= left[i] THEN 0 ELSE left[i] - rest END][0]
  END]) AS left
UNWIND range(0, size(bought) - 1) AS i
WITH c, a, bought[i].day AS day, bought[i].price AS price, bought[i].channel AS channel, bought[i].loaded AS loaded, left[i] AS units
OPTIONAL MATCH (c)-[b:BOUGHT]->(a)
WHERE b.t_dat = day AND (b.price = price OR b.price IS NULL AND price IS NULL) AND coalesce(b.sales_channel_id, 0) = channel
OPTIONAL MATCH (c)-[t:TAKEN_BACK]->(a)
WHERE t.t_dat = day AND (t.price = price OR t.price IS NULL AND price IS NULL) AND t.sales_channel_id = channel
WITH *, CASE WHEN b IS NULL THEN units > 0 ELSE coalesce(b.quantity, 1) <> units END AS changed
FOREACH (_ IN CASE WHEN b IS NULL AND units > 0 THEN [1] ELSE [] END |
  CREATE (c)-[:BOUGHT {t_dat: day, article_id: a.article_id, quantity: units, sales_channel_id: channel, price: price, loaded: loaded}]->(a))
FOREACH (_ IN CASE WHEN b IS NOT NULL AND units > 0 AND (changed OR coalesce(b.loaded <> loaded, true)) THEN [1] ELSE [] END |
  SET b.quantity = units, b.loaded = loaded)
FOREACH (_ IN CASE WHEN b IS NOT NULL AND units = 0 THEN [1] ELSE [] END | DELETE b)
FOREACH (_ IN CASE WHEN t IS NULL AND units = 0 AND loaded > 0 THEN [1] ELSE [] END |
  CREATE (c)-[:TAKEN_BACK {t_dat: day, article_id: a.article_id, sales_channel_id: channel, price: price, loaded: loaded}]->(a))
FOREACH (_ IN CASE WHEN t IS NOT NULL AND units > 0 THEN [1] ELSE [] END | DELETE t)
WITH day, changed
WHERE changed
RETURN DISTINCT day
