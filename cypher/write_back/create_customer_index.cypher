// create_customer_index: the vector index of the customers' embeddings in use; no query of hmrec needs it
// $dim: integer     dimension of the embeddings
// :param [{dim}] => { RETURN 64 AS dim }
CREATE VECTOR INDEX customer_embedding IF NOT EXISTS FOR (n:Customer) ON n.embedding
OPTIONS {indexConfig: {`vector.dimensions`: $dim, `vector.similarity_function`: 'cosine'}}
