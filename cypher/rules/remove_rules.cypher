// remove_rules: delete the rules with these names, and return the names of those that were there
// $names: list   strings
// :param [{names}] => { RETURN ['less-grocery'] AS names }
// returns name
MATCH (r:Rule)
WHERE r.name IN $names AND r.kind IN ['boost', 'bury', 'pin', 'block', 'cap', 'share']
WITH r, r.name AS name
DETACH DELETE r
RETURN name
