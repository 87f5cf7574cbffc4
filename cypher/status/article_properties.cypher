// article_properties: how many articles have each of some properties, and how many different values these have
// $properties: list      names of the properties
// :param [{properties}] => { RETURN ['department_name', 'stock'] AS properties }
// returns property, values, articles
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
UNWIND range(0, size($properties) - 1) AS place
WITH place, a[$properties[place]] AS value
WHERE value IS NOT NULL
WITH place, count(DISTINCT value) AS values, count(*) AS articles
ORDER BY place
RETURN $properties[place] AS property, values, articles
