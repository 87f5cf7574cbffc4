// models: the trained models whose embeddings are or were in this graph, newest first
// $k: integer = 20   number of rows
// :param [{k}] => { RETURN 20 AS k }
// returns model
OPTIONAL MATCH (now:ModelInForce)
WITH now.version AS version
MATCH (m:Model)
WHERE m.version IS :: INTEGER NOT NULL AND m.dim IS :: INTEGER NOT NULL AND NOT coalesce(m.prepared, false)
RETURN m {.*, in_force: coalesce(m.version = version, false)} AS model
ORDER BY m.version DESC
LIMIT $k
