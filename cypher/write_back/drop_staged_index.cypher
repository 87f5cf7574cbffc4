// drop_staged_index: remove the vector index of the articles' staged embeddings, before one of another dimension is created
DROP INDEX article_embedding_staged IF EXISTS
