// forget_customer: delete a customer with purchases, events, shown lists, stored lists, segment, properties and embeddings, in one transaction
//
// A relationship of other software keeps the node; it keeps its id and nothing else of hmrec's. The articles stay.
// days: those whose purchases are fewer now. once: the last step of `hmrec forget`, after all other places
//
// $customer_id: string
// :param [{customer_id}] => { RETURN '1' AS customer_id }
// purchases: with returns in files. stored: articles in stored lists
// returns purchases, events, impressions, stored, days, stays
MATCH (c:Customer {customer_id: $customer_id})
CALL (c) {
  OPTIONAL MATCH (c)-[r:BOUGHT|TAKEN_BACK|ORDERED|RETURNED|VIEWED|ADDED_TO_CART]->(a:Article)
  WHERE a.article_id IS :: STRING NOT NULL AND r.t_dat IS :: DATE NOT NULL
  WITH r, r.event_id IS NOT NULL AS event, CASE WHEN type(r) = 'BOUGHT' THEN r.t_dat END AS day
  DELETE r
  RETURN count(CASE WHEN NOT event THEN r END) AS purchases, count(CASE WHEN event THEN r END) AS events,
         collect(DISTINCT day) AS days
}
CALL (c) {
  OPTIONAL MATCH (c)-[r:IN_SEGMENT]->(s:Segment)
  WHERE s.version IS :: INTEGER NOT NULL AND s.name IS :: STRING NOT NULL
  DELETE r
  WITH DISTINCT s
  WHERE s.size > 0
  SET s.size = s.size - 1
  RETURN count(s) AS segments
}
CALL (c) {
  OPTIONAL MATCH (c)<-[:OF]-(i:Impression)
  WHERE i.impression_id IS :: STRING NOT NULL
  DETACH DELETE i
  RETURN count(i) AS impressions
}
CALL (c) {
  OPTIONAL MATCH (c)-[r:RECOMMENDED]->(a:Article)
  WHERE r.version IS :: INTEGER NOT NULL AND a.article_id IS :: STRING NOT NULL
  DELETE r
  RETURN count(r) AS stored
}
WITH c, purchases, events, impressions, stored, days, EXISTS { (c)--() } AS stays
FOREACH (_ IN CASE WHEN stays THEN [1] ELSE [] END |
  REMOVE c.FN, c.Active, c.club_member_status, c.fashion_news_frequency, c.age, c.postal_code, c.embedding, c.embedding_staged)
FOREACH (_ IN CASE WHEN stays THEN [] ELSE [1] END | DELETE c)
RETURN purchases, events, impressions, stored, days, stays
