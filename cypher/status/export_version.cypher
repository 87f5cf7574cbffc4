// export_version: what an export depends on: the database, its loads, and the number of nodes and relationships
// returns database, loads, finished, customers, articles, bought
CALL db.info() YIELD id AS database
CALL () { MATCH (l:Load) WHERE l.started IS :: STRING NOT NULL WITH l ORDER BY l.id RETURN collect([l.id, toString(l.finished)]) AS loads, count(l.finished) = count(l) AS finished }
CALL () { MATCH (c:Customer) RETURN count(c) AS customers }
CALL () { MATCH (a:Article) RETURN count(a) AS articles }
CALL () { MATCH ()-[b:BOUGHT]->() RETURN count(b) AS bought }
RETURN database, loads, finished, customers, articles, bought
