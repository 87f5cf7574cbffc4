// model_in_force: the version of the embeddings in use
// returns version, staged, dim, until
MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL
RETURN m.version AS version, m.staged AS staged, m.dim AS dim, m.until AS until
