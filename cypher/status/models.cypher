// models: the trained models whose embeddings are or were in this graph, newest first
// $k: integer = 20   how many
// :param [{k}] => { RETURN 20 AS k }
// returns model
MATCH (m:Model)
WHERE NOT coalesce(m.prepared, false)
RETURN m {.*, in_force: EXISTS { (:ModelInForce {version: m.version}) }} AS model
ORDER BY m.version DESC
LIMIT $k
