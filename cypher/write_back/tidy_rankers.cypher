// tidy_rankers: remove the rankers of versions that never came into force, and of all but the newest ones
// $keep: integer = 3   how many versions keep their ranker; the one in force always does
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
