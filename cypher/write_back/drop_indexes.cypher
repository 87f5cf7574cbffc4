// drop_indexes: remove the vector indexes of the embeddings in force
DROP INDEX article_embedding IF EXISTS;
DROP INDEX customer_embedding IF EXISTS
