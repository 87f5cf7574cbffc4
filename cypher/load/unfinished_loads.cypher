// unfinished_loads: loads that are running or were interrupted
// returns load
MATCH (l:Load)
WHERE l.finished IS NULL
RETURN l {.*, customers_written: size(l.customers_written)} AS load
