// customer_embeddings: every customer's embedding of the model in use
// returns customer_id, embedding
OPTIONAL MATCH (now:ModelInForce)
WITH now.version AS version
OPTIONAL MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL
WITH CASE WHEN m.staged THEN 'embedding_staged' ELSE 'embedding' END AS slot
MATCH (c:Customer)
WHERE c[slot] IS NOT NULL AND c.customer_id IS :: STRING NOT NULL
RETURN c.customer_id AS customer_id, c[slot] AS embedding
