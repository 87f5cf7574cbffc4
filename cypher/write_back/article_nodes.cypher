// article_nodes: every article's node number and id
// returns node, id
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
RETURN id(a) AS node, a.article_id AS id
