// next_version: the number of the next version of the embeddings
// returns version
OPTIONAL MATCH (m:Model)
WHERE m.version IS :: INTEGER NOT NULL
RETURN coalesce(max(m.version), 0) + 1 AS version
