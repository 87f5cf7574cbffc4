// prepare_relations: create the (:Relations) of a new version before its relationships; it is not in force yet
// $facts: map    until, model, articles and the numbers of relationships by type
// :param [{facts}] => { RETURN {until: '2020-09-23', model: 1, articles: 2, bought_with: 1, bought_after: 1, similar: 1, sells: 1, received: 1, buys: 1} AS facts }
// returns version
OPTIONAL MATCH (r:Relations|RelationsInForce)
WHERE r.version IS :: INTEGER NOT NULL
WITH coalesce(max(r.version), 0) + 1 AS version
CREATE (r:Relations {version: version})
SET r += $facts, r.until = date($facts.until), r.created = datetime()
RETURN version
