// write_department_lists: write a version's best sellers and unsold articles of some departments, replacing those that they have of it
// $version: integer
// $rows: list     for each department: its department_no, lists of [node number of an article, purchases], and node numbers of articles
// :param [{version, rows}] => { RETURN 1 AS version, [[1676, [[1, 12]], [2, 3]]] AS rows }
// returns written
UNWIND $rows AS row
MATCH (d:Department {department_no: row[0]})
CALL (d) {
  MATCH (d)-[r:SELLS|RECEIVED]->()
  WHERE r.version = $version
  DELETE r
}
CALL (d, row) {
  UNWIND row[1] AS item
  MATCH (a) WHERE id(a) = item[0]
  CREATE (d)-[:SELLS {purchases: item[1], version: $version}]->(a)
}
CALL (d, row) {
  UNWIND row[2] AS node
  MATCH (a) WHERE id(a) = node
  CREATE (d)-[:RECEIVED {version: $version}]->(a)
}
RETURN count(*) AS written
