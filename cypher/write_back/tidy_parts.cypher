// tidy_parts: remove the stored model files of versions that were never in use, and of all but the newest
// $keep: integer = 3   number of versions that keep their file; the one in use always does
// :param [{keep}] => { RETURN 3 AS keep }
CALL () {
  MATCH (m:Model)-[:KEPT_IN]->(:ModelPart)
  WITH DISTINCT m.version AS version, EXISTS { (:ModelInForce {version: m.version}) } AS in_force
  ORDER BY in_force DESC, version DESC
  LIMIT $keep
  RETURN collect(version) AS kept
}
MATCH (p:ModelPart)
WHERE p.version IS :: INTEGER NOT NULL AND p.bytes IS NOT NULL AND (NOT EXISTS { (:Model)-[:KEPT_IN]->(p) } OR NOT p.version IN kept)
CALL (p) { DETACH DELETE p } IN TRANSACTIONS OF 20 ROWS
