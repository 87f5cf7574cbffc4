// find_articles: articles whose ids begin with a text and whose names contain another, those whose names begin with it first
// Compares every name, without a full-text index: docs/decisions/0058.
// $start: string = ''   first characters of the id
// $name: string = ''    part of the name; upper and lower case do not matter
// $k: integer = 20      number of articles
// :param [{start, name, k}] => { RETURN '' AS start, 'dress' AS name, 20 AS k }
// returns article_id
WITH toLower($name) AS sought
CALL (sought) {
  WITH * WHERE sought = ''
  MATCH (a:Article)
  WHERE a.article_id STARTS WITH $start
  RETURN a.article_id AS article_id, 0 AS place, '' AS name
  ORDER BY article_id
  LIMIT $k
  UNION ALL
  WITH * WHERE sought <> ''
  MATCH (a:Article)
  WHERE a.article_id STARTS WITH $start AND toLower(a.prod_name) CONTAINS sought
  RETURN a.article_id AS article_id, CASE WHEN toLower(a.prod_name) STARTS WITH sought THEN 0 ELSE 1 END AS place, a.prod_name AS name
  ORDER BY place, name, article_id
  LIMIT $k
}
RETURN article_id
