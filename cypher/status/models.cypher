// models: the trained models whose embeddings are or were in this graph, newest first
// $k: integer = 20   how many
// :param [{k}] => { RETURN 20 AS k }
// returns model
MATCH (m:Model)
WHERE m.prepared IS NULL
RETURN properties(m) AS model
ORDER BY m.version DESC
LIMIT $k
