// articles_by_sales: number of articles by number of BOUGHT, best sellers first
// returns bought, articles
MATCH (a:Article)
WITH COUNT { (a)<-[:BOUGHT]-() } AS bought
RETURN bought, count(*) AS articles
ORDER BY bought DESC
