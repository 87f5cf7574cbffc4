// unready_indexes: indexes that are still being made, and what share of each is done, in percent
// returns name, percent
SHOW INDEXES YIELD name, state, populationPercent
WHERE state <> 'ONLINE'
RETURN name, round(populationPercent) AS percent
ORDER BY name
