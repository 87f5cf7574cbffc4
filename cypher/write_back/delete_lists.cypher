// delete_lists: delete a version of the stored lists, in parts, and then its (:Lists); may be interrupted and run again
// $version: integer
// :param [{version}] => { RETURN 1 AS version }
MATCH (c:Customer)
WHERE c.customer_id IS :: STRING NOT NULL
CALL (c) {
  MATCH (c)-[r:RECOMMENDED]->(a:Article)
  WHERE r.version = $version AND a.article_id IS :: STRING NOT NULL
  DELETE r
} IN TRANSACTIONS OF 1000 ROWS;
MATCH (l:Lists {version: $version})
WHERE l.k IS :: INTEGER NOT NULL
DELETE l
