// write_group_lists: write what some groups of customers buy now, for a version of the article relationships, replacing what it has of them
// $version: integer
// $rows: list     for each group: its number, its properties, and lists of [node number of an article, purchases]
// :param [{version, rows}] => { RETURN 1 AS version, [[0, {name: 'everyone', method: 'popular', days: 7, counted: 7}, [[1, 12]]]] AS rows }
// returns written
UNWIND $rows AS row
MERGE (g:CustomerGroup {version: $version, number: row[0]})
SET g += row[1]
WITH g, row
CALL (g) {
  MATCH (g)-[r:BUYS]->()
  DELETE r
}
CALL (g, row) {
  UNWIND row[2] AS item
  MATCH (a) WHERE id(a) = item[0]
  CREATE (g)-[:BUYS {purchases: item[1]}]->(a)
}
RETURN count(*) AS written
