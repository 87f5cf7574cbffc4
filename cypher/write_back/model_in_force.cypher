// model_in_force: the version of the embeddings that readers take
// returns version, slot, dim, until
MATCH (m:Model {in_force: true})
RETURN m.version AS version, m.slot AS slot, m.dim AS dim, m.until AS until
