// drop_staged_index: remove the articles' vector index of the staged embeddings, before one of another dimension
DROP INDEX article_embedding_staged IF EXISTS
