// vector_indexes: how far the vector indexes are, how many numbers their embeddings have, and how they are built
// returns name, state, percent, dim, ef_construction
SHOW VECTOR INDEXES YIELD name, state, populationPercent, options
WHERE name STARTS WITH 'article_embedding' OR name STARTS WITH 'customer_embedding'
RETURN name, state, populationPercent AS percent, toInteger(options.indexConfig['vector.dimensions']) AS dim,
       toInteger(options.indexConfig['vector.hnsw.ef_construction']) AS ef_construction
