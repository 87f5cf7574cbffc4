// loads: the loads into this graph, newest first; customers written are given as a number only
// $k: integer = 20   number of rows
// :param [{k}] => { RETURN 20 AS k }
// returns load
MATCH (l:Load)
WHERE l.started IS :: STRING NOT NULL
RETURN l {.*, customers_written: size(l.customers_written)} AS load
ORDER BY coalesce(l.number, 0) DESC, l.started DESC
LIMIT $k
