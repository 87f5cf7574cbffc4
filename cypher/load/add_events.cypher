// add_events: record events by their ids, one relationship each; an id that events of its type already have is not recorded again
//
// The first lines take a lock, so that batches run one after the other and the order of two batches does not matter.
// `settle_purchases` then derives BOUGHT in the same transaction. outcome: recorded, repeated, conflict (the id has other values),
// no customer, no article. With $create, unknown customers and articles are created without properties.
//
// $events: list              maps of index, type (buy, return, view, cart), event_id, customer_id, article_id, t_dat, time, quantity, price, channel, impression_id
// $create: boolean = true    create unknown customers and articles; false: their events are not recorded
// :param [{events, create}] => { RETURN [] AS events, true AS create }
// returns index, outcome
MERGE (v:EventVersion {id: 1})
ON CREATE SET v.version = 0
SET v.locked = true
REMOVE v.locked
WITH v
CALL () {
  UNWIND $events AS e
  OPTIONAL CALL (e) {
    WITH e WHERE e.type = 'buy' MATCH ()-[r:ORDERED {event_id: e.event_id}]->() RETURN r
    UNION ALL
    WITH e WHERE e.type = 'return' MATCH ()-[r:RETURNED {event_id: e.event_id}]->() RETURN r
    UNION ALL
    WITH e WHERE e.type = 'view' MATCH ()-[r:VIEWED {event_id: e.event_id}]->() RETURN r
    UNION ALL
    WITH e WHERE e.type = 'cart' MATCH ()-[r:ADDED_TO_CART {event_id: e.event_id}]->() RETURN r
  }
  RETURN collect(CASE WHEN r IS NULL THEN e END) AS fresh,
         collect(CASE WHEN r IS NOT NULL THEN [e.index, CASE
           WHEN startNode(r).customer_id = e.customer_id AND endNode(r).article_id = e.article_id AND r.t_dat = e.t_dat
             AND r.quantity = e.quantity AND coalesce(r.price, -1) = coalesce(e.price, -1) AND r.sales_channel_id = e.channel
             AND coalesce(r.impression_id, '') = coalesce(e.impression_id, '')
           THEN 'repeated' ELSE 'conflict' END] END) AS known
}
CALL (fresh) {
  UNWIND fresh AS e
  WITH e
  WHERE $create
  MERGE (:Customer {customer_id: e.customer_id})
  MERGE (:Article {article_id: e.article_id})
  RETURN count(*) AS found
}
CALL (fresh) {
  UNWIND fresh AS e
  OPTIONAL MATCH (c:Customer {customer_id: e.customer_id})
  OPTIONAL MATCH (a:Article {article_id: e.article_id})
  WITH e, c, a, CASE WHEN c IS NOT NULL AND a IS NOT NULL THEN e.type END AS type
  FOREACH (_ IN CASE WHEN type = 'buy' THEN [1] ELSE [] END |
    CREATE (c)-[:ORDERED {event_id: e.event_id, t_dat: e.t_dat, time: e.time, quantity: e.quantity, price: e.price, sales_channel_id: e.channel, impression_id: e.impression_id}]->(a))
  FOREACH (_ IN CASE WHEN type = 'return' THEN [1] ELSE [] END |
    CREATE (c)-[:RETURNED {event_id: e.event_id, t_dat: e.t_dat, time: e.time, quantity: e.quantity, price: e.price, sales_channel_id: e.channel, impression_id: e.impression_id}]->(a))
  FOREACH (_ IN CASE WHEN type = 'view' THEN [1] ELSE [] END |
    CREATE (c)-[:VIEWED {event_id: e.event_id, t_dat: e.t_dat, time: e.time, quantity: e.quantity, price: e.price, sales_channel_id: e.channel, impression_id: e.impression_id}]->(a))
  FOREACH (_ IN CASE WHEN type = 'cart' THEN [1] ELSE [] END |
    CREATE (c)-[:ADDED_TO_CART {event_id: e.event_id, t_dat: e.t_dat, time: e.time, quantity: e.quantity, price: e.price, sales_channel_id: e.channel, impression_id: e.impression_id}]->(a))
  RETURN collect([e.index, CASE WHEN c IS NULL THEN 'no customer' WHEN a IS NULL THEN 'no article' ELSE 'recorded' END]) AS written
}
UNWIND known + written AS outcome
RETURN outcome[0] AS index, outcome[1] AS outcome
