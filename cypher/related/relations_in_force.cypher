// relations_in_force: the version of article relationships that readers use, when it was written and from what; no row without one
// state: what it was made from, to find out whether it is out of date; null if not known
// returns version, created, until, model, articles, bought_with, bought_after, similar, state, sells, received
OPTIONAL MATCH (current:RelationsInForce)
WITH current.version AS version
MATCH (r:Relations {version: version})
RETURN r.version AS version, r.created AS created, r.until AS until, r.model AS model, r.articles AS articles,
       r.bought_with AS bought_with, r.bought_after AS bought_after, r.similar AS similar, r.state AS state, r.sells AS sells, r.received AS received
LIMIT 1
