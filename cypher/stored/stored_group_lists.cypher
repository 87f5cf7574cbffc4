// stored_group_lists: what groups of customers buy now, by one version of the article relationships
// $version: integer
// :param [{version}] => { RETURN 1 AS version }
// returns facts, articles, purchases
MATCH (g:CustomerGroup {version: $version})
WHERE g.number IS :: INTEGER NOT NULL
CALL (g) {
  MATCH (g)-[r:BUYS]->(a:Article)
  WHERE a.article_id IS :: STRING NOT NULL
  RETURN collect(a.article_id) AS articles, collect(r.purchases) AS purchases
}
RETURN properties(g) AS facts, articles, purchases
