// point_model: set the slot that holds the embeddings in use
// $staged: boolean     whether they are in embedding_staged
// :param [{staged}] => { RETURN false AS staged }
MATCH (now:ModelInForce)
MATCH (m:Model {version: now.version})
WHERE m.dim IS NOT NULL
SET m.staged = $staged
