// drop_index: remove the articles' vector index of the embeddings in force, before one of another dimension
DROP INDEX article_embedding IF EXISTS
