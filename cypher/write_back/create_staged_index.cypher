// create_staged_index: the articles' vector index of the staged embeddings; it stays over all write-backs, mostly empty
// $dim: integer               numbers in an embedding
// $ef_construction: integer   among so many near ones an article is given its links when it comes in: the more, the less is missed later
// :param [{dim, ef_construction}] => { RETURN 64 AS dim, 300 AS ef_construction }
CREATE VECTOR INDEX article_embedding_staged IF NOT EXISTS FOR (n:Article) ON n.embedding_staged
OPTIONS {indexConfig: {`vector.dimensions`: $dim, `vector.similarity_function`: 'cosine', `vector.hnsw.ef_construction`: $ef_construction}}
