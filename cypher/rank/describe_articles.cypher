// describe_candidates: what the ranker needs of articles: facts that a training wrote on them, their kinds, and their cosine with a customer
//
// The facts are as of the day after the last purchase used to train the model in use. They are null for articles added later.
//
// $customer_id: string
// $article_ids: list     strings
// $facts: list     names of properties, in the order to return
// :param [{customer_id, article_ids, facts}] => { RETURN '1' AS customer_id, ['0108775015'] AS article_ids, ['buyers_7', 'trend'] AS facts }
// returns article_id, facts, product, product_type, department, cosine
OPTIONAL MATCH (now:ModelInForce)
WITH now.version AS version
OPTIONAL MATCH (m:Model {version: version})
WHERE m.dim IS NOT NULL
OPTIONAL MATCH (c:Customer {customer_id: $customer_id})
WITH c, CASE m.staged WHEN true THEN 'embedding_staged' WHEN false THEN 'embedding' END AS slot
WITH slot, c[slot] AS wanted
UNWIND $article_ids AS article_id
MATCH (a:Article {article_id: article_id})
RETURN article_id,
       [fact IN $facts | a[fact]] AS facts,
       toString(a.product_code) AS product, toString(a.product_type_no) AS product_type, toString(a.department_no) AS department,
       CASE WHEN wanted IS NULL OR a[slot] IS NULL THEN null ELSE 2 * vector.similarity.cosine(a[slot], wanted) - 1 END AS cosine
