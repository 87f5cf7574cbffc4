// article_nodes: the number of every article's node, as stored
// returns node, id
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
RETURN id(a) AS node, a.article_id AS id
