// write_lists: write a version's lists of some customers, replacing those that they have of that version
// So a batch can be written again. One session writes all batches, because they share articles.
// $version: integer
// $rows: list     for each customer: the node number, and a list of [article's node number, score, because, method], best first
// :param [{version, rows}] => { RETURN 1 AS version, [[0, [[1, 0.5, 'bought often', 'popular']]]] AS rows }
// returns written
UNWIND $rows AS row
MATCH (c) WHERE id(c) = row[0]
CALL (c) {
  MATCH (c)-[r:RECOMMENDED]->()
  WHERE r.version = $version
  DELETE r
}
CALL (c, row) {
  UNWIND range(0, size(row[1]) - 1) AS place
  WITH c, place, row[1][place] AS item
  MATCH (a) WHERE id(a) = item[0]
  CREATE (c)-[:RECOMMENDED {rank: place + 1, score: item[1], because: item[2], method: item[3], version: $version}]->(a)
}
RETURN count(*) AS written
