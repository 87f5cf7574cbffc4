// like_article_ids: ids of articles that resemble a mistaken one: they start as it does, or end with all of it
// $start: string          first characters of the mistaken id
// $end: string            the mistaken id, which may lack leading zeros
// $k: integer = 200       number of ids
// :param [{start, end, k}] => { RETURN '01087' AS start, '108775015' AS end, 200 AS k }
// returns article_id
MATCH (a:Article)
WHERE a.article_id STARTS WITH $start
WITH a ORDER BY a.article_id LIMIT $k
RETURN a.article_id AS article_id
UNION
MATCH (a:Article)
WHERE a.article_id ENDS WITH $end
WITH a ORDER BY a.article_id LIMIT $k
RETURN a.article_id AS article_id
