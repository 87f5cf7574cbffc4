// drop_customer_index: remove the customers' vector index, before their embeddings change
DROP INDEX customer_embedding IF EXISTS
