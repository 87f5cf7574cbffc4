// ranker: the trees that order candidates, of the model in force
// returns version, until, text
MATCH (now:ModelInForce)
MATCH (m:Model {version: now.version})-[:RANKED_BY]->(r:Ranker)
RETURN m.version AS version, m.until AS until, r.text AS text
