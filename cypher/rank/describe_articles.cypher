// describe_articles: what the ranker needs of articles: facts that a training wrote on them, their kinds, and their embeddings
//
// The facts are as of the day after the last purchase used to train the model in use. They are null for articles added later.
//
// $article_ids: list     strings
// $facts: list     names of properties, in the order to return
// $model: integer = null     the version whose embeddings to return: null embeddings if another is in force; null: the one in force
// :param [{article_ids, facts, model}] => { RETURN ['0108775015'] AS article_ids, ['buyers_7', 'trend'] AS facts, null AS model }
// returns article_id, facts, product, product_type, department, embedding
OPTIONAL MATCH (now:ModelInForce)
WITH now.version AS version
OPTIONAL MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL AND ($model IS NULL OR version = $model)
WITH CASE m.staged WHEN true THEN 'embedding_staged' WHEN false THEN 'embedding' END AS slot
UNWIND $article_ids AS article_id
MATCH (a:Article {article_id: article_id})
RETURN article_id,
       [fact IN $facts | a[fact]] AS facts,
       toString(a.product_code) AS product, toString(a.product_type_no) AS product_type, toString(a.department_no) AS department,
       a[slot] AS embedding
