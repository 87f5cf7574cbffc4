// has_ranker: whether the model in force has trees that order candidates, and until when it knew the purchases
// returns version, until
MATCH (m:Model {in_force: true})
WHERE EXISTS { (m)-[:RANKED_BY]->(:Ranker) }
RETURN m.version AS version, m.until AS until
