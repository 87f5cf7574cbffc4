// vector_indexes: state, progress, dimension and settings of the vector indexes
// returns name, state, percent, dim, ef_construction
SHOW VECTOR INDEXES YIELD name, state, populationPercent, options
WHERE name STARTS WITH 'article_embedding' OR name STARTS WITH 'customer_embedding'
RETURN name, state, populationPercent AS percent, toInteger(options.indexConfig['vector.dimensions']) AS dim,
       toInteger(options.indexConfig['vector.hnsw.ef_construction']) AS ef_construction
