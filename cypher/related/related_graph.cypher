// related_graph: an article and its related articles in the version in force, to draw in Neo4j Browser
// $article_id: string
// $paths: integer = 30   maximum number of relationships, those with the highest scores of each type first
// :param [{article_id, paths}] => { RETURN '0108775015' AS article_id, 30 AS paths }
// returns path
OPTIONAL MATCH (current:RelationsInForce)
WITH current.version AS version
MATCH path = (a:Article {article_id: $article_id})-[r:BOUGHT_WITH|BOUGHT_AFTER|SIMILAR]->(x:Article)
WHERE r.version = version AND x.article_id IS :: STRING NOT NULL
WITH path, r, x
ORDER BY type(r), r.score DESC, x.article_id
WITH type(r) AS kind, collect(path) AS paths
UNWIND range(0, size(paths) - 1) AS place
WITH paths[place] AS path, place, kind
ORDER BY place, kind
LIMIT $paths
RETURN path
