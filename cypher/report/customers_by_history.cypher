// customers_by_history: how many customers have how many BOUGHT, those without one first
// returns bought, customers
MATCH (c:Customer)
WITH COUNT { (c)-[:BOUGHT]->() } AS bought
RETURN bought, count(*) AS customers
ORDER BY bought
