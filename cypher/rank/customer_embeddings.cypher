// customer_embeddings: every customer's embedding in force
// returns customer_id, embedding
OPTIONAL MATCH (m:Model {in_force: true})
WITH coalesce(m.slot, 'embedding') AS slot
MATCH (c:Customer)
WHERE c[slot] IS NOT NULL
RETURN c.customer_id AS customer_id, c[slot] AS embedding
