// clear_embeddings: remove the embeddings of a slot from all nodes, in batches
// $slot: string     embedding or embedding_staged
// :param [{slot}] => { RETURN 'embedding_staged' AS slot }
MATCH (n:Customer|Article)
WHERE n[$slot] IS NOT NULL
CALL (n) { REMOVE n[$slot] } IN 2 CONCURRENT TRANSACTIONS OF 2000 ROWS
