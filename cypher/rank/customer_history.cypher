// customer_history: a customer's input to the ranker: attributes, embedding of the model in use, and the article and day of every purchase
// $customer_id: string
// $model: integer = null     the version whose embedding to return: a null embedding if another is in force; null: the one in force
// :param [{customer_id, model}] => { RETURN '1' AS customer_id, null AS model }
// returns age, club_member_status, fashion_news_frequency, postal_code, embedding, articles, days
OPTIONAL MATCH (now:ModelInForce)
WITH now.version AS version
OPTIONAL MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL AND ($model IS NULL OR version = $model)
WITH CASE m.staged WHEN true THEN 'embedding_staged' WHEN false THEN 'embedding' END AS slot
MATCH (c:Customer {customer_id: $customer_id})
CALL (c) {
  MATCH (c)-[b:BOUGHT]->()
  WHERE b.t_dat IS :: DATE NOT NULL AND b.article_id IS :: STRING NOT NULL
  WITH b ORDER BY b.t_dat
  RETURN collect(b.article_id) AS articles, collect(duration.inDays(date('1970-01-01'), b.t_dat).days) AS days
}
RETURN c.age AS age, c.club_member_status AS club_member_status, c.fashion_news_frequency AS fashion_news_frequency,
       c.postal_code AS postal_code, c[slot] AS embedding, articles, days
