// create_index: the vector index of the articles' embeddings in use; write-backs keep it
// $dim: integer               dimension of the embeddings
// $ef_construction: integer   near articles considered for links when one is inserted; more of them improve recall
// :param [{dim, ef_construction}] => { RETURN 64 AS dim, 300 AS ef_construction }
CREATE VECTOR INDEX article_embedding IF NOT EXISTS FOR (n:Article) ON n.embedding
OPTIONS {indexConfig: {`vector.dimensions`: $dim, `vector.similarity_function`: 'cosine', `vector.hnsw.ef_construction`: $ef_construction}}
