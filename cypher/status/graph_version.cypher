// graph_version: what answers depend on: the latest load and whether it is finished, the model in use, and when it was created or last embedded nodes
// returns load, finished, model, embedded
CALL () {
  OPTIONAL MATCH (l:Load)
  WHERE l.started IS :: STRING NOT NULL
  RETURN l.id AS load, toString(l.finished) AS finished
  ORDER BY coalesce(l.number, 0) DESC, l.started DESC
  LIMIT 1
}
CALL () {
  OPTIONAL MATCH (now:ModelInForce)
  WITH now.version AS version
  OPTIONAL MATCH (m:Model {version: version})
  WHERE m.dim IS NOT NULL
  RETURN m.version AS model, toString(coalesce(m.embedded, m.created)) AS embedded
}
RETURN load, finished, model, embedded
