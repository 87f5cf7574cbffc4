// unknown_to_model: how many customers and articles have no embedding of the model in force, and how many purchases came after its training
// $since: date     the day after the last purchase of its training
// :param [{since}] => { RETURN '2020-09-23' AS since }
// returns customers, customers_unknown, articles, articles_unknown, purchases, purchases_since
MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model {version: version})
WHERE m.dim IS :: INTEGER NOT NULL
WITH CASE WHEN m.staged THEN 'embedding_staged' ELSE 'embedding' END AS slot
CALL (slot) {
  MATCH (c:Customer)
  WHERE c.customer_id IS :: STRING NOT NULL
  RETURN count(c) AS customers, count(CASE WHEN c[slot] IS NULL THEN 1 END) AS customers_unknown
}
CALL (slot) {
  MATCH (a:Article)
  WHERE a.article_id IS :: STRING NOT NULL
  RETURN count(a) AS articles, count(CASE WHEN a[slot] IS NULL THEN 1 END) AS articles_unknown
}
CALL () { MATCH ()-[b:BOUGHT]->() RETURN count(b) AS purchases }
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat >= date($since) AND b.t_dat < date('9999-12-31')
  RETURN count(b) AS purchases_since
}
RETURN customers, customers_unknown, articles, articles_unknown, purchases, purchases_since
