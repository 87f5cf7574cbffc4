// put_in_force: from this moment on every reader takes this version; the one node that all of them look at changes at once
// $version: integer
// $model: map        what is known of a new version, since and until among it; of one that was in force before it stays as it is
// $slot: string      where its embeddings are: embedding or embedding_staged
// :param [{version, model, slot}] => { RETURN 1 AS version, {name: 'LightGCN', since: '2019-09-01', until: '2020-09-23'} AS model, 'embedding' AS slot }
// returns version
OPTIONAL MATCH (old:Model {in_force: true})
WITH collect(old) AS olds
FOREACH (old IN olds | SET old.in_force = false)
MERGE (m:Model {version: $version})
ON CREATE SET m += $model, m.since = date($model.since), m.until = date($model.until), m.created = datetime()
SET m.slot = $slot, m.in_force = true
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
