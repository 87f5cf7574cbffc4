// put_in_force: from this moment on every reader takes this version
// Readers take no locks and may see one change of a transaction before another: the one number that they all begin with is
// all that tells the version, and changes in its place.
// $version: integer
// :param [{version}] => { RETURN 1 AS version }
// returns version
MATCH (m:Model {version: $version})
WHERE m.dim IS :: INTEGER NOT NULL
SET m.prepared = false
MERGE (now:ModelInForce)
SET now.version = m.version
RETURN m.version AS version
