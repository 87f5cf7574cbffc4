// move_embeddings: move the staged embeddings to the property that readers use; may be interrupted and run again
MATCH (n:Customer|Article)
WHERE n.embedding_staged IS NULL AND n.embedding IS NOT NULL
CALL (n) { REMOVE n.embedding } IN 2 CONCURRENT TRANSACTIONS OF 2000 ROWS;
MATCH (n:Customer|Article)
WHERE n.embedding_staged IS NOT NULL
CALL (n) { SET n.embedding = n.embedding_staged } IN 2 CONCURRENT TRANSACTIONS OF 2000 ROWS
