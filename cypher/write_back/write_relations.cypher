// write_relations: write a version's relationships of some articles, replacing those that they have of that version
// Each article is in one batch, and one session writes all batches. So a batch can be written again, and no batch waits for another.
// $version: integer
// $rows: list     for each article: its node number, and lists of [node, score, customers], [node, score, customers, days], [node, score]
// :param [{version, rows}] => { RETURN 1 AS version, [[0, [[1, 0.5, 3]], [[1, 0.2, 2, 9.5]], [[1, 0.9]]]] AS rows }
// returns written
UNWIND $rows AS row
MATCH (a) WHERE id(a) = row[0]
CALL (a) {
  MATCH (a)-[r:BOUGHT_WITH|BOUGHT_AFTER|SIMILAR]->()
  WHERE r.version = $version
  DELETE r
}
CALL (a, row) {
  UNWIND row[1] AS item
  MATCH (x) WHERE id(x) = item[0]
  CREATE (a)-[:BOUGHT_WITH {score: item[1], customers: item[2], version: $version}]->(x)
}
CALL (a, row) {
  UNWIND row[2] AS item
  MATCH (x) WHERE id(x) = item[0]
  CREATE (a)-[:BOUGHT_AFTER {score: item[1], customers: item[2], days: item[3], version: $version}]->(x)
}
CALL (a, row) {
  UNWIND row[3] AS item
  MATCH (x) WHERE id(x) = item[0]
  CREATE (a)-[:SIMILAR {score: item[1], version: $version}]->(x)
}
RETURN count(*) AS written
