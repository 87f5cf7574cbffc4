// embeddings_of: the embeddings of some articles, of the model in use; articles without one are left out
// $article_ids: list     strings
// :param [{article_ids}] => { RETURN ['0108775015'] AS article_ids }
// returns article_id, embedding
OPTIONAL MATCH (now:ModelInForce)
WITH now.version AS version
OPTIONAL MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL
WITH CASE WHEN m.staged THEN 'embedding_staged' ELSE 'embedding' END AS slot
UNWIND $article_ids AS article_id
MATCH (a:Article {article_id: article_id})
WHERE a[slot] IS NOT NULL
RETURN article_id, a[slot] AS embedding
