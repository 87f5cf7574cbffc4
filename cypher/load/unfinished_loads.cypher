// unfinished_loads: loads that are running or were interrupted
// returns load
MATCH (l:Load)
WHERE l.finished IS NULL AND l.started IS :: STRING NOT NULL
RETURN l {.*, customers_written: size(l.customers_written)} AS load
