// vector_indexes: how far the vector indexes are, and how many numbers their embeddings have
// returns name, state, percent, dim
SHOW VECTOR INDEXES YIELD name, state, populationPercent, options
WHERE name STARTS WITH 'article_embedding' OR name STARTS WITH 'customer_embedding'
RETURN name, state, populationPercent AS percent, toInteger(options.indexConfig['vector.dimensions']) AS dim
