// graph_version: what answers depend on: the newest load, whether it is finished, and the model in force
// returns load, finished, model
CALL () {
  OPTIONAL MATCH (l:Load)
  RETURN l.id AS load, toString(l.finished) AS finished
  ORDER BY l.started DESC
  LIMIT 1
}
CALL () {
  OPTIONAL MATCH (m:Model {in_force: true})
  RETURN max(m.version) AS model
}
RETURN load, finished, model
