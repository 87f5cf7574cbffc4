// customer: a customer's attributes and number of purchases
// $customer_id: string
// :param [{customer_id}] => { RETURN '1' AS customer_id }
// returns customer_id, age, club_member_status, purchases, articles, first, last, has_embedding
MATCH (c:Customer {customer_id: $customer_id})
OPTIONAL MATCH (now:ModelInForce)
WITH c, now.version AS version
OPTIONAL MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL
WITH c, CASE m.staged WHEN true THEN 'embedding_staged' WHEN false THEN 'embedding' END AS slot
OPTIONAL MATCH (c)-[b:BOUGHT]->(a:Article)
WHERE b.t_dat IS :: DATE NOT NULL AND a.article_id IS :: STRING NOT NULL
RETURN c.customer_id AS customer_id, c.age AS age, c.club_member_status AS club_member_status,
       coalesce(sum(b.quantity), 0) AS purchases, count(DISTINCT a) AS articles,
       min(b.t_dat) AS first, max(b.t_dat) AS last, c[slot] IS NOT NULL AS has_embedding
