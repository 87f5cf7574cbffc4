// unfinished_loads: loads that have not come to their end, because they run now or were cut off
// returns load
MATCH (l:Load)
WHERE l.finished IS NULL AND l.started IS :: STRING NOT NULL
RETURN l {.*, customers_written: size(l.customers_written)} AS load
