// loads: what was loaded into this graph, newest first
// $k: integer = 20   how many
// :param [{k}] => { RETURN 20 AS k }
// returns load
MATCH (l:Load)
RETURN properties(l) AS load
ORDER BY l.started DESC
LIMIT $k
