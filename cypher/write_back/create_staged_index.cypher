// create_staged_index: the articles' vector index of the staged embeddings; it stays over all write-backs, mostly empty
// $dim: integer     numbers in an embedding
// :param [{dim}] => { RETURN 64 AS dim }
CREATE VECTOR INDEX article_embedding_staged IF NOT EXISTS FOR (n:Article) ON n.embedding_staged
OPTIONS {indexConfig: {`vector.dimensions`: $dim, `vector.similarity_function`: 'cosine'}}
