// stored_department_lists: the articles of each department's list, by one type and version of the relationships of departments
// $version: integer
// $relationship: string
// :param [{version, relationship}] => { RETURN 1 AS version, 'SELLS' AS relationship }
// returns department, articles, purchases
MATCH (d:Department)-[r:SELLS|RECEIVED]->(a:Article)
WHERE r.version = $version AND type(r) = $relationship AND a.article_id IS :: STRING NOT NULL
RETURN d.department_no AS department, collect(a.article_id) AS articles, collect(coalesce(r.purchases, 1)) AS purchases
