// move_embeddings_at_once: move the staged embeddings to the property that readers use, in one transaction
MATCH (n:Customer|Article)
WHERE (n.embedding_staged IS NOT NULL OR n.embedding IS NOT NULL)
  AND (n:Customer AND n.customer_id IS :: STRING NOT NULL OR n:Article AND n.article_id IS :: STRING NOT NULL)
SET n.embedding = n.embedding_staged
