// put_in_force: from this moment on every reader takes the new version; the one node that all of them look at changes at once
// $model: map        since, until and whatever else is known of the version
// $slot: string      where its embeddings are: embedding or embedding_staged
// :param [{model, slot}] => { RETURN {name: 'LightGCN', since: '2019-09-01', until: '2020-09-23'} AS model, 'embedding' AS slot }
// returns version
OPTIONAL MATCH (old:Model)
WITH collect(old) AS olds, coalesce(max(old.version), 0) + 1 AS version
FOREACH (old IN olds | SET old.in_force = false)
CREATE (m:Model {version: version})
SET m += $model, m.since = date($model.since), m.until = date($model.until), m.created = datetime(), m.slot = $slot, m.in_force = true
RETURN version
