// models: the trained models whose embeddings are or were in this graph, newest first
// $k: integer = 20   how many
// :params {k: 20}
// returns model
MATCH (m:Model)
RETURN properties(m) AS model
ORDER BY m.version DESC
LIMIT $k
