// stale_lists: versions of the stored lists that are not in force: the previous one, or what a killed run left
// returns version
OPTIONAL MATCH (current:ListsInForce)
WITH current.version AS version
MATCH (l:Lists)
WHERE l.version IS :: INTEGER NOT NULL AND l.k IS :: INTEGER NOT NULL AND (version IS NULL OR l.version <> version)
RETURN DISTINCT l.version AS version
