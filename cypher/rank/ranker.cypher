// ranker: the ranker's trees, of the model in use
// returns version, until, text
MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model {version: version})-[:RANKED_BY]->(r:Ranker)
WHERE m.dim IS NOT NULL
RETURN m.version AS version, m.until AS until, r.text AS text
