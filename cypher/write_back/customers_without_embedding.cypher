// customers_without_embedding: customers without an embedding in a slot, such as those loaded after training
// $slot: string     embedding or embedding_staged
// :param [{slot}] => { RETURN 'embedding' AS slot }
// returns node, id
MATCH (c:Customer)
WHERE c[$slot] IS NULL AND c.customer_id IS :: STRING NOT NULL
RETURN id(c) AS node, c.customer_id AS id
