// record_load: the report of a load, kept in the graph
// $load: map   id, started, finished, road, fingerprint and the counts
// :params {load: {id: 'x', road: 'stream'}}
MERGE (l:Load {id: $load.id})
SET l += $load
