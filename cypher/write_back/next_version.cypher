// next_version: the number that the next version of the embeddings gets
// returns version
OPTIONAL MATCH (m:Model)
RETURN coalesce(max(m.version), 0) + 1 AS version
