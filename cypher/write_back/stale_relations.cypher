// stale_relations: versions of article relationships that are not in force: the previous one, or what a killed run left
// returns version
OPTIONAL MATCH (current:RelationsInForce)
WITH current.version AS version
MATCH (r:Relations)
WHERE r.version IS :: INTEGER NOT NULL AND r.bought_with IS :: INTEGER NOT NULL AND (version IS NULL OR r.version <> version)
RETURN DISTINCT r.version AS version
