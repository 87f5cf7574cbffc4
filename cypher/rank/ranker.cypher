// ranker: the trees that order candidates, of the model in force
// returns version, until, text
MATCH (m:Model {in_force: true})-[:RANKED_BY]->(r:Ranker)
RETURN m.version AS version, m.until AS until, r.text AS text
