// model_in_force: the version of the embeddings that readers take
// returns version, staged, dim, until
MATCH (now:ModelInForce)
MATCH (m:Model {version: now.version})
RETURN m.version AS version, m.staged AS staged, m.dim AS dim, m.until AS until
