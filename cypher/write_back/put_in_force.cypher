// put_in_force: from this moment on every reader takes this version
// Nothing but two properties of nodes that are there changes: a new node would not be found by its label for a moment,
// while the one before was out of force.
// $version: integer
// :param [{version}] => { RETURN 1 AS version }
// returns version
MATCH (m:Model {version: $version})
SET m.in_force = true
REMOVE m.prepared
WITH m
OPTIONAL MATCH (old:Model {in_force: true})
WHERE old <> m
SET old.in_force = false
RETURN m.version AS version
