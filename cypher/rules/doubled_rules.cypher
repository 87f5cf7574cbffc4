// doubled_rules: names that several (:Rule) have, and whether one of them is of other software
// returns name, is_foreign
MATCH (r:Rule)
WHERE r.name IS NOT NULL
WITH r.name AS name, count(*) AS rules, any(kind IN collect(coalesce(r.kind, '')) WHERE NOT kind IN ['boost', 'bury', 'pin', 'block', 'cap', 'share']) AS is_foreign
WHERE rules > 1
RETURN name, is_foreign
ORDER BY is_foreign, toString(name)
