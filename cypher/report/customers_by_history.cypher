// customers_by_history: number of customers by number of BOUGHT, those without one first
// returns bought, customers
MATCH (c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL
WITH COUNT { (c)-[b:BOUGHT]->(a:Article) WHERE b.t_dat IS NOT NULL AND a.article_id IS :: STRING NOT NULL } AS bought
RETURN bought, count(*) AS customers
ORDER BY bought
