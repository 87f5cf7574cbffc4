// prepare_model: create the (:Model) of a version whose embeddings are complete in a slot, but not in use yet
// $version: integer
// $model: map        metadata of a new version, including since and until; a version that was used before keeps its own
// $staged: boolean   whether its embeddings are in embedding_staged
// :param [{version, model, staged}] => { RETURN 1 AS version, {name: 'LightGCN', since: '2019-09-01', until: '2020-09-23'} AS model, false AS staged }
// returns version
MERGE (m:Model {version: $version})
ON CREATE SET m += $model, m.since = date($model.since), m.until = date($model.until), m.created = datetime(), m.prepared = true
WITH m
WHERE m.dim IS :: INTEGER NOT NULL
SET m.staged = $staged
WITH m
CALL (m) {
  MATCH (p:ModelPart {version: m.version})
  MERGE (m)-[kept:KEPT_IN {part: p.part}]->(p)
}
CALL (m) {
  MATCH (r:Ranker {version: m.version})
  MERGE (m)-[:RANKED_BY]->(r)
}
RETURN m.version AS version
