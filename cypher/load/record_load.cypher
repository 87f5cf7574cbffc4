// record_load: the report of a load, kept in the graph
// $load: map   id, started, finished, road, fingerprint and the counts
// :param [{load}] => { RETURN {id: 'x', road: 'stream'} AS load }
MERGE (l:Load {id: $load.id})
SET l += $load
