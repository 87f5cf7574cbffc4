// vector_indexes: how far the vector indexes are
// returns name, state, percent
SHOW VECTOR INDEXES YIELD name, state, populationPercent
WHERE name STARTS WITH 'article_embedding' OR name STARTS WITH 'customer_embedding'
RETURN name, state, populationPercent AS percent
