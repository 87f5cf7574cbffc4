// move_embeddings: move the staged embeddings to the property that readers use; may be interrupted and run again
MATCH (n:Customer|Article)
WHERE n.embedding_staged IS NULL AND n.embedding IS NOT NULL
  AND (n:Customer AND n.customer_id IS :: STRING NOT NULL OR n:Article AND n.article_id IS :: STRING NOT NULL)
CALL (n) { REMOVE n.embedding } IN 2 CONCURRENT TRANSACTIONS OF 2000 ROWS;
MATCH (n:Customer|Article)
WHERE n.embedding_staged IS NOT NULL
  AND (n:Customer AND n.customer_id IS :: STRING NOT NULL OR n:Article AND n.article_id IS :: STRING NOT NULL)
CALL (n) { SET n.embedding = n.embedding_staged } IN 2 CONCURRENT TRANSACTIONS OF 2000 ROWS
