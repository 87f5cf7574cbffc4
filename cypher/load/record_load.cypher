// record_load: store the report of a load in the graph; its number orders the loads, whatever the clock says
// $load: map   id, started, finished, mode, fingerprint and the counts
// :param [{load}] => { RETURN {id: 'x', mode: 'stream'} AS load }
CALL () { MATCH (other:Load) WHERE other.started IS :: STRING NOT NULL RETURN coalesce(max(other.number), 0) + 1 AS number }
MERGE (l:Load {id: $load.id})
ON CREATE SET l.number = number
SET l += $load
