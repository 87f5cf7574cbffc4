// article_properties_of: the values that an article has of some properties; null for those it lacks
// $article_id: string
// $properties: list   names of the properties
// :param [{article_id, properties}] => { RETURN '0108775015' AS article_id, ['prod_name', 'stock'] AS properties }
// returns values
MATCH (a:Article {article_id: $article_id})
RETURN [name IN $properties | a[name]] AS values
