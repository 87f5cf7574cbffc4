// article_embeddings: every article's embedding in force
// returns article_id, embedding
OPTIONAL MATCH (m:Model {in_force: true})
WITH coalesce(m.slot, 'embedding') AS slot
MATCH (a:Article)
WHERE a[slot] IS NOT NULL
RETURN a.article_id AS article_id, a[slot] AS embedding
