// has_ranker: whether the model in use has a ranker, when it was created, and the day up to which it used purchases
// returns version, created, until
MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL AND EXISTS { (m)-[:RANKED_BY]->(:Ranker) }
RETURN m.version AS version, toString(m.created) AS created, m.until AS until
