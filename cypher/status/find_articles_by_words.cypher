// find_articles_by_words: articles by the first letters of words of their names, those whose names begin with the text first
// Reads the full-text index article_name: docs/decisions/0065. find_articles does without it.
// $words: string           query of the index (Lucene's syntax): +(dre* "dre")
// $name: string            the text itself, for the order
// $k: integer = 20         number of articles
// $most: integer = 2000    number of matches that are put in order
// :param [{words, name, k, most}] => { RETURN '+(dre* "dre")' AS words, 'dre' AS name, 20 AS k, 2000 AS most }
// returns article_id
CALL db.index.fulltext.queryNodes('article_name', $words, {limit: $most}) YIELD node AS a
WITH a, toLower(a.prod_name) AS name, toLower($name) AS sought
WHERE a.article_id IS NOT NULL
RETURN a.article_id AS article_id
ORDER BY CASE WHEN name STARTS WITH sought THEN 0 ELSE 1 END, a.prod_name, article_id
LIMIT $k
