// counts: number of nodes and relationships, from the count store
// returns nodes, relationships, customers, articles, bought
CALL () { MATCH (n) RETURN count(n) AS nodes }
CALL () { MATCH ()-[r]->() RETURN count(r) AS relationships }
CALL () { MATCH (c:Customer) RETURN count(c) AS customers }
CALL () { MATCH (a:Article) RETURN count(a) AS articles }
CALL () { MATCH ()-[b:BOUGHT]->() RETURN count(b) AS bought }
RETURN nodes, relationships, customers, articles, bought
