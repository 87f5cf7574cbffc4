// customers_by_history: number of customers by number of BOUGHT, those without one first
// returns bought, customers
MATCH (c:Customer)
WITH COUNT { (c)-[:BOUGHT]->() } AS bought
RETURN bought, count(*) AS customers
ORDER BY bought
