// drop_staged_indexes: remove the vector index of the staged embeddings
DROP INDEX article_embedding_staged IF EXISTS;
DROP INDEX customer_embedding_staged IF EXISTS
