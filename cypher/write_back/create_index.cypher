// create_index: the articles' vector index of the embeddings in force; it stays over all write-backs
// $dim: integer     numbers in an embedding
// :param [{dim}] => { RETURN 64 AS dim }
CREATE VECTOR INDEX article_embedding IF NOT EXISTS FOR (n:Article) ON n.embedding
OPTIONS {indexConfig: {`vector.dimensions`: $dim, `vector.similarity_function`: 'cosine'}}
