// articles_by_sales: number of articles by number of BOUGHT, best sellers first
// returns bought, articles
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
WITH COUNT { (a)<-[b:BOUGHT]-(c:Customer) WHERE b.t_dat IS NOT NULL AND c.customer_id IS :: STRING NOT NULL } AS bought
RETURN bought, count(*) AS articles
ORDER BY bought DESC
