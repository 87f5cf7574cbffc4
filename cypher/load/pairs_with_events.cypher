// pairs_with_events: which articles of these customers have events of buying or returning
// $ids: list   customer ids
// :param [{ids}] => { RETURN ['1', '2'] AS ids }
// returns customer_id, article_id
UNWIND $ids AS id
MATCH (c:Customer {customer_id: id})-[:ORDERED|RETURNED]->(a:Article)
RETURN DISTINCT id AS customer_id, a.article_id AS article_id
