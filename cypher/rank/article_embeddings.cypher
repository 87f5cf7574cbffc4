// article_embeddings: every article's embedding of the model in use
// returns article_id, embedding
OPTIONAL MATCH (now:ModelInForce)
WITH now.version AS version
OPTIONAL MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL
WITH CASE WHEN m.staged THEN 'embedding_staged' ELSE 'embedding' END AS slot
MATCH (a:Article)
WHERE a[slot] IS NOT NULL AND a.article_id IS :: STRING NOT NULL
RETURN a.article_id AS article_id, a[slot] AS embedding
