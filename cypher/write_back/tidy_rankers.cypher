// tidy_rankers: remove the rankers of versions that were never in use, and of all but the newest
// $keep: integer = 3   number of versions that keep their ranker; the one in use always does
// :param [{keep}] => { RETURN 3 AS keep }
CALL () {
  MATCH (m:Model)-[:RANKED_BY]->(:Ranker)
  WITH m.version AS version, EXISTS { (:ModelInForce {version: m.version}) } AS in_force
  ORDER BY in_force DESC, version DESC
  LIMIT $keep
  RETURN collect(version) AS kept
}
MATCH (r:Ranker)
WHERE r.version IS :: INTEGER NOT NULL AND r.text IS :: STRING NOT NULL AND NOT r.version IN kept
DETACH DELETE r
