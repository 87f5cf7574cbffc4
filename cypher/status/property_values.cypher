// property_values: the values of a property of articles, the most frequent first
// $property: string      name of the property
// $k: integer = 100      number of values
// :param [{property, k}] => { RETURN 'department_name' AS property, 100 AS k }
// returns value, articles
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL AND a[$property] IS NOT NULL
WITH a[$property] AS value, count(*) AS articles
ORDER BY articles DESC, value
LIMIT $k
RETURN value, articles
