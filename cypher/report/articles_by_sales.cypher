// articles_by_sales: how many articles have how many BOUGHT, the best sellers first
// returns bought, articles
MATCH (a:Article)
WITH COUNT { (a)<-[:BOUGHT]-() } AS bought
RETURN bought, count(*) AS articles
ORDER BY bought DESC
