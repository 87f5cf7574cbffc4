// describe_candidates: the articles' input to the ranker: facts from training, attributes, and cosine to a customer
//
// The facts are as of the day after the last purchase used to train the model in use. They are null for articles added later.
//
// $customer_id: string
// $article_ids: list     strings
// :param [{customer_id, article_ids}] => { RETURN '1' AS customer_id, ['0108775015'] AS article_ids }
// returns article_id, facts, product, product_type, department, cosine
OPTIONAL MATCH (now:ModelInForce)
WITH now.version AS version
OPTIONAL MATCH (m:Model {version: version})
OPTIONAL MATCH (c:Customer {customer_id: $customer_id})
WITH c, CASE m.staged WHEN true THEN 'embedding_staged' WHEN false THEN 'embedding' END AS slot
WITH slot, c[slot] AS wanted
UNWIND $article_ids AS article_id
MATCH (a:Article {article_id: article_id})
RETURN article_id,
       [a.buyers_7, a.buyers_14, a.buyers_28, a.buyers_84, a.buyers_364, a.trend, a.first_share, a.repeat_share, a.repeat_gap,
        a.weekly_rate, a.log_price, a.log_discount, a.days_sold, a.days_idle, a.around_new, a.around_buyers, a.product_buyers, a.producttype_buyers, a.department_buyers] AS facts,
       toString(a.product_code) AS product, toString(a.product_type_no) AS product_type, toString(a.department_no) AS department,
       CASE WHEN wanted IS NULL OR a[slot] IS NULL THEN null ELSE 2 * vector.similarity.cosine(a[slot], wanted) - 1 END AS cosine
