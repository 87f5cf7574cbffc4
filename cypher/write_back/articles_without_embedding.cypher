// articles_without_embedding: articles without an embedding in a slot, such as those loaded after training
// $slot: string     embedding or embedding_staged
// :param [{slot}] => { RETURN 'embedding' AS slot }
// returns node, id
MATCH (a:Article)
WHERE a[$slot] IS NULL AND a.article_id IS :: STRING NOT NULL
RETURN id(a) AS node, a.article_id AS id
