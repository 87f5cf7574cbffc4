// drop_index: remove the vector index of the articles' embeddings in use, before one of another dimension is created
DROP INDEX article_embedding IF EXISTS
