// count_orders: how many events of buying and returning the graph has, from the count store
// returns events
MATCH ()-[r:ORDERED|RETURNED]->()
RETURN count(r) AS events
