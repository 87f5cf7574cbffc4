// create_customer_index: the customers' vector index of the embeddings in force; nothing of hmrec's asks it
// $dim: integer     numbers in an embedding
// :param [{dim}] => { RETURN 64 AS dim }
CREATE VECTOR INDEX customer_embedding IF NOT EXISTS FOR (n:Customer) ON n.embedding
OPTIONS {indexConfig: {`vector.dimensions`: $dim, `vector.similarity_function`: 'cosine'}}
