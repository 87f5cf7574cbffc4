// prepare_lists: create the (:Lists) of a new version before its lists; it is not in force yet
// $facts: map    until, model, k, request, campaign and state
// :param [{facts}] => { RETURN {until: '2020-09-23', model: 1, k: 12, request: '{}', campaign: '{}', state: ''} AS facts }
// returns version
OPTIONAL MATCH (l:Lists|ListsInForce)
WHERE l.version IS :: INTEGER NOT NULL
WITH coalesce(max(l.version), 0) + 1 AS version
CREATE (l:Lists {version: version})
SET l += $facts, l.until = date($facts.until), l.created = datetime()
RETURN version
