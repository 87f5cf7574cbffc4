// set_stock: set the availability of articles, all in one transaction; articles that the file does not name stay as they are
//
// Only articles that change are written. The number in (:StockVersion) then grows, and caches are emptied. articles:
// articles of the rows that the graph has; changed: those that were written; missing: some ids that the graph lacks.
//
// $rows: list   maps of article_id and the file's columns; null removes a property
// :param [{rows}] => { RETURN [{article_id: '0108775015', stock: 0}] AS rows }
// returns articles, changed, missing
UNWIND $rows AS row
OPTIONAL MATCH (a:Article {article_id: row.article_id})
WITH a, row, a IS NOT NULL AND any(key IN keys(row) WHERE a[key] <> row[key] OR a[key] IS NULL AND row[key] IS NOT NULL
                                                      OR a[key] IS NOT NULL AND row[key] IS NULL) AS differs
FOREACH (_ IN CASE WHEN differs THEN [1] ELSE [] END | SET a += row)
WITH count(a) AS articles, count(CASE WHEN differs THEN 1 END) AS changed,
     collect(CASE WHEN a IS NULL THEN row.article_id END)[..5] AS missing
CALL (changed) {
  WITH * WHERE changed > 0
  MERGE (s:StockVersion)
  SET s.version = coalesce(s.version, 0) + 1, s.changed = datetime()
  RETURN count(*) AS versions
}
RETURN articles, changed, missing
