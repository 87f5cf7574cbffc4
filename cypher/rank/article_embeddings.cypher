// article_embeddings: every article's embedding of the model in use
// returns article_id, embedding
OPTIONAL MATCH (now:ModelInForce)
WITH now.version AS version
OPTIONAL MATCH (m:Model {version: version})
WITH CASE WHEN m.staged THEN 'embedding_staged' ELSE 'embedding' END AS slot
MATCH (a:Article)
WHERE a[slot] IS NOT NULL
RETURN a.article_id AS article_id, a[slot] AS embedding
