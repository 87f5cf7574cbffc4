// has_ranker: whether the model in force has trees that order candidates, when they were made, and until when they knew the purchases
// returns version, created, until
MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL AND EXISTS { (m)-[:RANKED_BY]->(:Ranker) }
RETURN m.version AS version, toString(m.created) AS created, m.until AS until
