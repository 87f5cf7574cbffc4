// rules: the shop's rules for lists, those of the highest priority first
// returns rule
MATCH (r:Rule)
WHERE r.name IS :: STRING NOT NULL AND r.kind IN ['boost', 'bury', 'pin', 'block', 'cap', 'share']
RETURN r {.*} AS rule
ORDER BY CASE WHEN r.priority IS :: INTEGER NOT NULL THEN r.priority ELSE 0 END DESC, r.name
