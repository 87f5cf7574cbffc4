// create_staged_index: the vector index of the articles' staged embeddings, mostly empty; write-backs keep it
// $dim: integer               dimension of the embeddings
// $ef_construction: integer   near articles considered for links when one is inserted; more of them improve recall
// :param [{dim, ef_construction}] => { RETURN 64 AS dim, 300 AS ef_construction }
CREATE VECTOR INDEX article_embedding_staged IF NOT EXISTS FOR (n:Article) ON n.embedding_staged
OPTIONS {indexConfig: {`vector.dimensions`: $dim, `vector.similarity_function`: 'cosine', `vector.hnsw.ef_construction`: $ef_construction}}
