// clear_embeddings: remove the embeddings of a slot from hmrec's own nodes, in parts
// $slot: string     embedding or embedding_staged
// :param [{slot}] => { RETURN 'embedding_staged' AS slot }
MATCH (n:Customer|Article)
WHERE n[$slot] IS NOT NULL
  AND (n:Customer AND n.customer_id IS :: STRING NOT NULL OR n:Article AND n.article_id IS :: STRING NOT NULL)
CALL (n) { REMOVE n[$slot] } IN 2 CONCURRENT TRANSACTIONS OF 2000 ROWS
