// lists_in_force: the version of the stored lists that readers use
// request, campaign: the options that they were written with, as JSON; state: a checksum of what the lists depend on
// returns version, written, until, model, k, customers, articles, request, campaign, state
MATCH (now:ListsInForce)
WITH now.version AS version
MATCH (l:Lists {version: version})
WHERE l.k IS :: INTEGER NOT NULL
RETURN l.version AS version, toString(l.created) AS written, l.until AS until, l.model AS model, l.k AS k,
       l.customers AS customers, l.articles AS articles, l.request AS request, l.campaign AS campaign, l.state AS state
