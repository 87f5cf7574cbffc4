// unready_indexes: indexes that are still being built, with their progress in percent
// returns name, percent
SHOW INDEXES YIELD name, state, populationPercent
WHERE state <> 'ONLINE'
RETURN name, round(populationPercent) AS percent
ORDER BY name
