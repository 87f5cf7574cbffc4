// foreign_rules: those of some names that a (:Rule) of other software has
// $names: list   strings
// :param [{names}] => { RETURN ['less-grocery'] AS names }
// returns name
MATCH (r:Rule)
WHERE r.name IN $names AND NOT coalesce(r.kind, '') IN ['boost', 'bury', 'pin', 'block', 'cap', 'share']
RETURN DISTINCT r.name AS name
ORDER BY name
