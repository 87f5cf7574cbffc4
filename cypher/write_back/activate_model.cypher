// activate_model: make all readers use this version from now on
// Readers take no locks, and may see one change of a transaction before another. So a single number, which they all read first,
// selects the version, and is changed in place.
// $version: integer
// :param [{version}] => { RETURN 1 AS version }
// returns version
MATCH (m:Model {version: $version})
WHERE m.dim IS :: INTEGER NOT NULL
SET m.prepared = false
MERGE (now:ModelInForce)
SET now.version = m.version
RETURN m.version AS version
