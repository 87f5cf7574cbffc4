// vector_indexes: how far hmrec's vector indexes are, how many numbers their embeddings have, and how they are built
// An index of one of their names on something else is not hmrec's, and is left out.
// returns name, state, percent, dim, ef_construction
SHOW VECTOR INDEXES YIELD name, state, populationPercent, labelsOrTypes, properties, options
WHERE [name] + labelsOrTypes + properties IN [
  ['article_embedding', 'Article', 'embedding'], ['article_embedding_staged', 'Article', 'embedding_staged'],
  ['customer_embedding', 'Customer', 'embedding']]
RETURN name, state, populationPercent AS percent, toInteger(options.indexConfig['vector.dimensions']) AS dim,
       toInteger(options.indexConfig['vector.hnsw.ef_construction']) AS ef_construction
