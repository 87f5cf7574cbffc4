// move_embeddings_at_once: move the staged embeddings to the property that readers use, in one transaction
MATCH (n:Customer|Article)
WHERE n.embedding_staged IS NOT NULL OR n.embedding IS NOT NULL
SET n.embedding = n.embedding_staged
