// activate_relations: make all readers use this version of the article relationships from now on
// As in activate_model, a single number, which all readers read first, selects the version, and is changed in place.
// $version: integer
// :param [{version}] => { RETURN 1 AS version }
// returns version
MATCH (r:Relations {version: $version})
MERGE (now:RelationsInForce)
SET now.version = r.version
RETURN r.version AS version
