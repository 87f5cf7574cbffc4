// delete_relations: delete a version of the article relationships, in parts, and then its (:Relations); may be interrupted and run again
// $version: integer
// :param [{version}] => { RETURN 1 AS version }
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
CALL (a) {
  MATCH (a)-[r:BOUGHT_WITH|BOUGHT_AFTER|SIMILAR]->(x:Article)
  WHERE r.version = $version AND x.article_id IS :: STRING NOT NULL
  DELETE r
} IN TRANSACTIONS OF 500 ROWS;
MATCH (d:Department)
WHERE d.department_no IS NOT NULL
CALL (d) {
  MATCH (d)-[r:SELLS|RECEIVED]->(x:Article)
  WHERE r.version = $version AND x.article_id IS :: STRING NOT NULL
  DELETE r
} IN TRANSACTIONS OF 10 ROWS;
MATCH (g:CustomerGroup {version: $version})
WHERE g.number IS :: INTEGER NOT NULL
CALL (g) {
  MATCH (g)-[r:BUYS]->(x:Article)
  WHERE x.article_id IS :: STRING NOT NULL
  DELETE r
} IN TRANSACTIONS OF 20 ROWS;
MATCH (g:CustomerGroup {version: $version})
WHERE g.number IS :: INTEGER NOT NULL AND NOT EXISTS { (g)--() }
CALL (g) { DELETE g } IN TRANSACTIONS OF 20000 ROWS;
MATCH (r:Relations {version: $version})
DELETE r
