// ranker: the trees of the ranker that belongs to the model in use, and when that model was created
// returns version, created, text
MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model {version: version})-[:RANKED_BY]->(r:Ranker)
WHERE m.dim IS NOT NULL
RETURN m.version AS version, toString(m.created) AS created, r.text AS text
